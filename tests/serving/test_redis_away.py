"""Redis killed, Redis hanging: answers go on, say what is missing, and come back by themselves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from contracts.event import EventType
from contracts.settings import RedisSettings, Settings
from stack.redis_server import RedisServer
from tests.serving.artefacts import promote, write_artefact
from tests.serving.conftest import ITEMS, register
from tests.serving.service_process import ServiceProcess
from tests.serving.visitors import Visitors


@pytest.fixture(scope="module")
def fragile_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("fragile-redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def fragile_settings(shop_settings: Settings, fragile_redis: RedisServer) -> Settings:
    redis = RedisSettings(url=fragile_redis.url, key_prefix=shop_settings.redis.key_prefix)
    settings = shop_settings.model_copy(update={"redis": redis})
    write_artefact(settings, "first", ITEMS)
    promote(settings, "first")
    return settings


@pytest.fixture(scope="module")
def known(fragile_settings: Settings) -> Visitors:
    visitors = Visitors(fragile_settings, register(fragile_settings))
    visitors.act("known", EventType.CLICK, "item-030", country="France")
    return visitors


@pytest.fixture(scope="module")
def running(
    fragile_settings: Settings, known: Visitors, start_service: Callable[..., ServiceProcess]
) -> ServiceProcess:
    return start_service(fragile_settings)


@pytest.fixture
def service(running: ServiceProcess, known: Visitors) -> ServiceProcess:
    """The running service, its Redis answering."""
    running.wait(lambda: running.recommend(anonymous_id="known")["source"] == "model")
    return running


def ask(service: ServiceProcess, **fields: Any) -> dict[str, Any]:
    return service.recommend(anonymous_id="known", **fields)


def test_answers_with_what_is_popular_while_redis_is_dead_and_with_the_model_once_it_is_back(
    service: ServiceProcess, known: Visitors, fragile_redis: RedisServer
) -> None:
    counted = service.metric("clickloop_serving_degraded_total", cause="redis")
    fragile_redis.kill()
    answer = ask(service, k=3, context={"country": "France"})
    health = service.get("/health")

    assert answer["degraded"] == ["redis"]
    assert answer["source"] == "popular_in_context"
    assert [item["item_id"] for item in answer["items"]] == ["item-059", "item-058", "item-057"]
    assert answer["features"] == {}
    assert service.metric("clickloop_serving_degraded_total", cause="redis") == counted + 1
    assert (health.status, health.body["status"], health.body["redis"]["state"]) == (200, "degraded", "away")

    fragile_redis.start()
    # A Redis without its file has lost the row as well; the next event writes it anew.
    known.act("known", EventType.CLICK, "item-031")
    service.wait(lambda: ask(service)["source"] == "model")
    assert ask(service)["degraded"] == []
    assert service.get("/health").body["status"] == "ok"


def test_a_hanging_redis_costs_one_request_its_timeout_and_the_others_nothing(
    service: ServiceProcess, fragile_redis: RedisServer, fragile_settings: Settings
) -> None:
    with Redis.from_url(fragile_redis.url) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        answers = [ask(service) for _ in range(20)]
    finally:
        os.kill(pid, signal.SIGCONT)

    timeout_s = fragile_settings.redis.timeout_s
    assert all(answer["degraded"] == ["redis"] for answer in answers)
    assert all(len(answer["items"]) == 10 for answer in answers)
    assert sum(answer["timings_ms"]["features"] >= timeout_s * 1e3 for answer in answers) == 1
    service.wait(lambda: ask(service)["source"] == "model")
