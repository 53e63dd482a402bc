"""The command: quick to help, one line for what goes wrong, secrets never shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stack import command
from stack.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]


def _environment(home: Path) -> dict[str, str]:
    names = ("COLLECTOR_PORT", "SERVING_PORT", "SHOP_PORT", "WORKER_METRICS_PORT", "LAKE_METRICS_PORT")
    ports = {f"CLICKLOOP_{name}": str(free_port()) for name in names}
    servers = {
        "CLICKLOOP_KAFKA_BOOTSTRAP": f"127.0.0.1:{free_port()}",
        "CLICKLOOP_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    return {**os.environ, **ports, **servers, "CLICKLOOP_HOME": str(home)}


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stack.command", *arguments],
        cwd=PROJECT,
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_loads_neither_models_nor_clients_to_say_what_it_can() -> None:
    script = "import sys, stack.command; print(','.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.strip().split(","))
    assert not loaded & {"feast", "tensorflow", "kafka", "redis", "bentoml", "mlflow", "prefect", "pydantic_settings"}


@pytest.mark.parametrize(
    "name",
    [
        "up",
        "down",
        "status",
        "load",
        "backfill",
        "train",
        "promote",
        "rollback",
        "schedule",
        "prove",
        "bench",
        "replay",
        "demo",
        "learn-biases",
        "catalogue",
    ],
)
def test_every_subcommand_explains_itself(name: str, tmp_path: Path) -> None:
    ran = _run(tmp_path, name, "--help")
    assert ran.returncode == 0
    assert f"clickloop {name}" in ran.stdout or f"command {name}" in ran.stdout


def test_down_is_fine_when_nothing_runs(tmp_path: Path) -> None:
    for _ in range(2):
        ran = _run(tmp_path, "down")
        assert ran.returncode == 0
        assert "Nothing runs in" in ran.stderr


def test_status_of_nothing_is_complete_and_fails(tmp_path: Path) -> None:
    ran = _run(tmp_path, "status", "--json")
    found = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert [process["name"] for process in found["processes"]] == [
        "kafka", "redis", "collector", "worker", "lake", "serving", "shop",
    ]  # fmt: skip
    assert {process["health"] for process in found["processes"]} == {"down"}
    assert found["running"] is False


def test_status_masks_the_secrets_of_a_home(tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text('[secrets]\nwrite_key = "abcdef-not-to-be-seen"\n')
    shown = "".join(_run(tmp_path, "status", *json_).stdout for json_ in ([], ["--json"]))
    assert "abcdef-not-to-be-seen" not in shown
    assert "*****" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["backfill"], r"error: expected Redis at 127\.0\.0\.1:\d+, none answers\. Start the stack"),
        (["bench", "nope"], r"error: expected one of .*, or all; got nope"),
        (["bench", "freshness"], r"error: expected a model in .*, got none"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(arguments: list[str], message: str, tmp_path: Path) -> None:
    ran = _run(tmp_path, *arguments)
    assert ran.returncode == 1
    assert re.match(message, ran.stderr.strip().splitlines()[-1])
    assert "Traceback" not in ran.stderr


def test_an_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_() -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(command, "app", break_)
    with pytest.raises(KeyError):
        command.main()
