"""What `clickloop top` shows is what a real worker counts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.settings import Settings
from contracts.topics import Topics
from stack.environment import server_variables
from stack.ports import answers, free_port
from streaming.outbox import open_producer
from tests.streaming.support import caught_up, make_events, send, until

PROJECT = Path(__file__).resolve().parents[2]


def _environment(settings: Settings, port: int) -> dict[str, str]:
    return {
        **os.environ,
        **server_variables(settings),
        "CLICKLOOP_WORKER_METRICS_PORT": str(port),
        # Nobody's, whatever else runs on this machine.
        "CLICKLOOP_LAKE_METRICS_PORT": str(free_port()),
        "CLICKLOOP_COLLECTOR_PORT": str(free_port()),
        "CLICKLOOP_SERVING_PORT": str(free_port()),
        "COLUMNS": "200",
    }


@pytest.fixture
def working(settings: Settings) -> Iterator[dict[str, str]]:
    """The environment of a running worker that has taken in 400 events, 20 of them twice, and one that is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from feature_repo.store import apply

        apply(settings)
    events = make_events(400, visitors=20, seed=91)
    send(settings, [*events, *events[-20:]])
    producer = open_producer(settings)
    producer.send(Topics(settings.kafka.topic_prefix).events, b"junk", key=b"k")
    producer.flush()
    producer.close()
    port = free_port()
    environment = _environment(settings, port)
    process = subprocess.Popen([sys.executable, "-m", "streaming.worker"], cwd=PROJECT, env=environment)
    until(lambda: answers(port) and caught_up(settings), what="the worker at Kafka's end")
    # Its counters follow its commit.
    time.sleep(1.0)
    yield environment
    process.terminate()
    process.wait(30)


def _top(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stack.command", "top", *arguments],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_figures_are_the_running_workers(working: dict[str, str]) -> None:
    found: dict[str, Any] = json.loads(_top(working, "--json", "--every", "0.2").stdout)
    worker = found["workers"]["worker-1"]
    assert (worker["events"], worker["duplicate"], worker["rejected"], worker["late"]) == (421, 20, 1, 0)
    assert (worker["lag"], len(worker["partitions"])) == (0, 16)
    assert {one["lane"] for one in worker["partitions"].values()} == {"main", "bulk"}
    assert worker["events_s"] == 0.0
    assert 128 <= worker["state_bytes_p50"] <= 4096
    assert (worker["conflicts"], worker["retries"], worker["sampled"], worker["bot"]) == (0, 0, 0, 0)
    assert found["silent"] == ["collector", "lake", "serving"]
    shown = _top(working, "--once", "--every", "0.1").stdout
    assert "worker-1" in shown
    assert "does not answer: collector, lake, serving" in shown


def test_two_workers_are_named_and_shown_apart(working: dict[str, str]) -> None:
    own = f"127.0.0.1:{working['CLICKLOOP_WORKER_METRICS_PORT']}"
    answer = _top(working, "--json", "--every", "0.1", "--worker", own, "--worker", f"127.0.0.1:{free_port()}")
    found = json.loads(answer.stdout)
    assert list(found["workers"]) == ["worker-1"]
    assert "worker-2" in found["silent"]
    assert "expected a worker as host:port" in _top(working, "--once", "--worker", "nowhere").stderr


def test_interrupt_ends_the_live_view_cleanly(working: dict[str, str]) -> None:
    began_s = time.monotonic()
    assert _top(working, "--once").returncode == 0
    took_s = time.monotonic() - began_s
    process = subprocess.Popen(
        [sys.executable, "-m", "stack.command", "top", "--every", "0.1"],
        cwd=PROJECT, env=working, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    # An interrupt before the first frame would find Python importing.
    time.sleep(1.0 + 2 * took_s)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "worker-1" in out


def test_nothing_running_is_said_in_one_line(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    answer = _top(_environment(settings, free_port()), "--once")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: expected a worker at 127.0.0.1:")
    assert "clickloop up" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
