"""What is scheduled is run by Prefect's own server and runner, and both go with the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.deployments import read_deployments
from stack.ports import bindable, free_port
from tests.stack.waiting import eventually

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 150.0


def command(home: Path, port: int) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.Popen(
        [sys.executable, "-m", "stack.command", "schedule", "--port", str(port)],
        cwd=PROJECT,
        env={**environment, "CLICKLOOP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def scheduling(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, at work, and its server's API."""
    port = free_port()
    process = command(tmp_path / "home", port)
    api = f"http://127.0.0.1:{port}/api"
    try:
        wait_for(lambda: len(asked(api, "deployments/filter")) == len(read_deployments(PROJECT)), process)
        yield process, api
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def asked(api: str, what: str, body: dict[str, Any] | None = None) -> Any:
    try:
        return httpx.post(f"{api}/{what}", json=body or {}, timeout=10).json()
    except httpx.HTTPError:
        return []


def wait_for(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    came = eventually(lambda: process.poll() is not None or true(), PATIENCE_S)
    if process.poll() is not None:
        pytest.fail(f"ended with {process.returncode}: {process.communicate()[0]}")
    assert came, "waited in vain"


def test_a_due_run_is_made_in_this_home_and_ctrl_c_leaves_nothing(
    scheduling: tuple[subprocess.Popen[str], str],
) -> None:
    process, api = scheduling
    there = {one["name"]: one for one in asked(api, "deployments/filter")}
    for told in read_deployments(PROJECT):
        came = there[told["name"]]
        assert [one["schedule"]["cron"] for one in came["schedules"]] == [one["cron"] for one in told["schedules"]]
        assert not came["paused"]
    run = asked(api, f"deployments/{there['item-biases']['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})

    def state() -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{api}/flow_runs/{run['id']}", timeout=10).json()["state"]
        return found

    wait_for(lambda: state()["type"] in ("COMPLETED", "FAILED", "CRASHED"), process)
    # It ran, in the home of the command, which holds no champion yet.
    assert state()["type"] == "FAILED"
    assert "expected a champion, came none" in state()["message"]
    below = psutil.Process(process.pid).children(recursive=True)
    assert below
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert all(one["name"] in said for one in read_deployments(PROJECT))
    assert not psutil.wait_procs(below, timeout=30)[1]
    assert bindable(int(api.split(":")[2].split("/")[0]))


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said, _ = command(tmp_path / "home", port).communicate(timeout=60)
    assert f"expected port {port} to be free for Prefect's server" in said
    assert "Traceback" not in said
