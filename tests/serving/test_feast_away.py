"""Feast's registry missing or broken when the service starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.event import EventType
from contracts.settings import Settings
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import make_settings
from tests.serving.artefacts import promote, write_artefact
from tests.serving.conftest import ITEMS, register, write_catalogue
from tests.serving.service_process import ServiceProcess
from tests.serving.visitors import Visitors


@pytest.fixture
def unregistered(tmp_path: Path, kafka: KafkaServer, redis_server: RedisServer) -> Settings:
    """Settings with all but a registry."""
    settings = make_settings(tmp_path, bootstrap=kafka.bootstrap, redis_url=redis_server.url)
    create_topics(settings)
    write_catalogue(settings)
    write_artefact(settings, "first", ITEMS)
    promote(settings, "first")
    return settings


def test_answers_without_a_registry_and_takes_it_up_when_it_appears(
    unregistered: Settings, start_service: Callable[..., ServiceProcess]
) -> None:
    service = start_service(unregistered)
    answer = service.recommend(anonymous_id="known")
    health = service.get("/health").body

    assert (answer["degraded"], answer["source"], len(answer["items"])) == (["feast"], "popular", 10)
    assert (health["status"], health["feast"]["state"]) == ("degraded", "away")
    assert health["feast"]["error"]
    assert service.metric("clickloop_serving_degraded_total", cause="feast") == 1

    visitors = Visitors(unregistered, register(unregistered))
    visitors.act("known", EventType.CLICK, "item-030")
    service.wait(lambda: service.get("/health").body["status"] == "ok")
    assert service.recommend(anonymous_id="known")["source"] == "model"


def test_answers_with_a_broken_registry_and_takes_the_mended_one_up(
    unregistered: Settings, start_service: Callable[..., ServiceProcess]
) -> None:
    registry = unregistered.home / "feast" / "registry.db"
    visitors = Visitors(unregistered, register(unregistered))
    visitors.act("known", EventType.CLICK, "item-030")
    good = registry.read_bytes()
    registry.write_bytes(b"\xff" * 100)
    service = start_service(unregistered)

    assert service.recommend(anonymous_id="known")["degraded"] == ["feast"]

    registry.write_bytes(good)
    service.wait(lambda: service.recommend(anonymous_id="known")["source"] == "model")


def test_a_registry_that_goes_away_later_is_not_missed(
    unregistered: Settings, start_service: Callable[..., ServiceProcess]
) -> None:
    visitors = Visitors(unregistered, register(unregistered))
    visitors.act("known", EventType.CLICK, "item-030")
    service = start_service(unregistered)
    (unregistered.home / "feast" / "registry.db").unlink()

    answer = service.recommend(anonymous_id="known")

    assert (answer["degraded"], answer["source"]) == ([], "model")
