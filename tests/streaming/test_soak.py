"""The soak of `clickloop bench kills`, shorter: workers, lake sink and servers killed under load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from bench.own_stack import OwnStack
from bench.soak import Plan, soak
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import make_settings
from tests.streaming.conftest import applied
from tests.streaming.support import processes

FAULTS = ("redis_killed", "kafka_disk_full", "redis_full")


class Forked:
    """A process of the stack from one that has loaded Feast: it is at work in no time."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._process = processes().Process(target=_run, args=(module, dict(environment)), daemon=True)
        self._process.start()

    @property
    def alive(self) -> bool:
        return bool(self._process.is_alive())

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _run(module: str, environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    import_module("collector.__main__" if module == "collector" else module).main()


def test_workers_and_servers_killed_under_load_lose_nothing_acknowledged_and_count_nothing_twice(
    tmp_path: Path, own_kafka: KafkaServer, own_redis: RedisServer
) -> None:
    settings = make_settings(tmp_path / "home", bootstrap=own_kafka.bootstrap, redis_url=own_redis.url)
    settings.home.mkdir()
    create_topics(settings)
    own = OwnStack(settings, own_kafka, own_redis)
    plan = Plan(kills=9, fault_every=3, seed=4, visitors=300, events_s=200.0, faults=FAULTS)
    soaked = soak(own, applied(settings), plan, Forked)
    assert soaked.kills >= plan.kills
    assert sum(map(len, soaked.recoveries_s.values())) >= 5
    assert {name: len(found) for name, found in soaked.recoveries_s.items() if name != "worker_killed"} == {
        "redis_killed": 1,
        "kafka_disk_full": 1,
        "redis_full": 1,
    }
    assert soaked.acknowledged >= 500
    assert soaked.exits == 0, "a worker ended by itself"
    assert soaked.verdict.people >= 50
    assert soaked.verdict.faults == 0, soaked.verdict
