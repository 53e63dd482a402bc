"""Redis or Kafka away, slow or full: the worker waits, and each event still has one effect."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from redis import Redis

from contracts.settings import Settings
from stack.environment import server_variables
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import make_settings
from tests.streaming.conftest import applied
from tests.streaming.support import (
    WorkerProcess,
    caught_up,
    check_everything,
    make_events,
    send,
    total_offset,
    until,
)


def _own(home: Path, bootstrap: str, redis_url: str) -> tuple[Settings, Any]:
    made = make_settings(home, bootstrap=bootstrap, redis_url=redis_url)
    made.home.mkdir()
    create_topics(made)
    return made, applied(made)


def _beyond(settings: Settings, offset: int) -> bool:
    return total_offset(settings) > offset


def test_redis_killed_and_restarted_from_its_file_in_mid_stream_loses_and_doubles_nothing(
    tmp_path: Path, kafka: KafkaServer, own_redis: RedisServer
) -> None:
    settings, store = _own(tmp_path / "home", kafka.bootstrap, own_redis.url)
    events = make_events(12_000, visitors=300, seed=11, step_s=5.0)
    feeding = threading.Thread(target=send, args=(settings, events), kwargs={"pause_every": 100, "pause_s": 0.08})
    worker = WorkerProcess(settings)
    feeding.start()
    for _ in range(3):
        begun = total_offset(settings)
        until(partial(_beyond, settings, begun + 1000), what="progress between two crashes")
        own_redis.kill()
        own_redis.start()
    feeding.join()
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    assert worker.alive
    worker.kill()
    check_everything(settings, store, events)


def test_redis_that_hangs_is_waited_for(tmp_path: Path, kafka: KafkaServer, own_redis: RedisServer) -> None:
    settings, store = _own(tmp_path / "home", kafka.bootstrap, own_redis.url)
    events = make_events(6_000, visitors=150, seed=12)
    worker = WorkerProcess(settings)
    send(settings, events[:2_000])
    until(lambda: total_offset(settings) > 0, what="the first batch")
    server = next(
        one for one in psutil.process_iter(["name", "cmdline"])
        if "redis-server" in (one.info["name"] or "") and str(own_redis.port) in " ".join(one.info["cmdline"] or [])
    )  # fmt: skip
    for share in (3_000, 4_000, 6_000):
        server.send_signal(signal.SIGSTOP)
        sender = threading.Thread(
            target=send, args=(settings, events[share - 1_000 if share < 6_000 else 4_000 : share])
        )
        sender.start()
        time.sleep(6.0)
        server.send_signal(signal.SIGCONT)
        sender.join()
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    assert worker.alive
    worker.kill()
    check_everything(settings, store, events)


def test_redis_without_memory_is_waited_for(tmp_path: Path, kafka: KafkaServer, own_redis: RedisServer) -> None:
    settings, store = _own(tmp_path / "home", kafka.bootstrap, own_redis.url)
    events = make_events(3_000, visitors=100, seed=13)
    worker = WorkerProcess(settings)
    send(settings, events[:1_500])
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    with Redis.from_url(own_redis.url) as redis:
        redis.config_set("maxmemory", "1mb")
        send(settings, events[1_500:])
        time.sleep(2.0)
        assert not caught_up(settings)
        redis.config_set("maxmemory", "0")
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    assert worker.alive
    worker.kill()
    check_everything(settings, store, events)


def test_kafka_restarted_in_mid_stream_is_waited_for(
    tmp_path: Path, own_kafka: KafkaServer, own_redis: RedisServer
) -> None:
    settings, store = _own(tmp_path / "home", own_kafka.bootstrap, own_redis.url)
    events = make_events(6_000, visitors=150, seed=14)
    worker = WorkerProcess(settings)
    send(settings, events[:3_000])
    until(lambda: total_offset(settings) > 0, what="the first batch")
    own_kafka.stop()
    time.sleep(1.0)
    own_kafka.start()
    send(settings, events[3_000:])
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    assert worker.alive
    worker.kill()
    check_everything(settings, store, events)


def test_worker_process_starts_from_its_environment_and_stops_cleanly(settings: Settings, store: Any) -> None:
    environment = {
        **os.environ,
        **server_variables(settings),
        "CLICKLOOP_WORKER_METRICS_PORT": "0",
    }
    events = make_events(500, visitors=20, seed=15)
    send(settings, events)
    log = settings.home / "worker.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streaming.worker"], cwd=settings.project, env=environment, stderr=output
        )
    try:
        until(lambda: caught_up(settings), what="the worker at Kafka's end")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
    check_everything(settings, store, events)
    lines = log.read_text().splitlines()
    assert any('"worker ready"' in line for line in lines)
    assert any('"worker stopped"' in line for line in lines)
