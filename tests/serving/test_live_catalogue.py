"""Items change, go and come while the service answers: the next answer knows, and no restart is needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import KafkaProducer
from msgspec.structs import replace

from contracts.event import EventType
from contracts.item import Item, encode_item
from contracts.settings import Settings
from contracts.topics import Topics
from stack.kafka_server import KafkaServer
from stack.topics import create_topics
from tests.serving.artefacts import promote, write_artefact
from tests.serving.conftest import ITEMS
from tests.serving.service_process import ServiceProcess
from tests.serving.visitors import Visitors


class Topic:
    """Writes to `items`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def say(self, *items: Item, gone: str = "") -> None:
        producer = KafkaProducer(bootstrap_servers=self._settings.kafka.bootstrap, acks="all")
        topic = Topics(self._settings.kafka.topic_prefix).items
        for item in items:
            producer.send(topic, encode_item(replace(item, changed_at=datetime.now(UTC))), key=item.item_id.encode())
        if gone:
            producer.send(topic, None, key=gone.encode())
        producer.flush()
        producer.close()


@pytest.fixture(scope="module")
def settings_there(shop_settings: Settings, fragile_kafka: KafkaServer) -> Settings:
    kafka = shop_settings.kafka.model_copy(update={"bootstrap": fragile_kafka.bootstrap})
    settings = shop_settings.model_copy(update={"kafka": kafka})
    create_topics(settings)
    return settings


@pytest.fixture(scope="module")
def topic(settings_there: Settings) -> Topic:
    return Topic(settings_there)


@pytest.fixture(scope="module")
def service(
    settings_there: Settings, topic: Topic, store: Any, start_service: Callable[..., ServiceProcess]
) -> ServiceProcess:
    write_artefact(settings_there, "first", ITEMS)
    promote(settings_there, "first")
    topic.say(*ITEMS)
    return start_service(settings_there)


def names(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def shown(service: ServiceProcess, visitor: str, item_id: str, **fields: Any) -> dict[str, Any] | None:
    found = service.recommend(anonymous_id=visitor, k=5, **fields)["items"]
    return next((item for item in found if item["item_id"] == item_id), None)


def test_price_name_and_category_of_an_answer_follow_the_topic(
    service: ServiceProcess, visitors: Visitors, topic: Topic
) -> None:
    visitors.act("watcher", EventType.CLICK, "item-030")
    assert (shown(service, "watcher", "item-030") or {})["price"] == 31.0
    topic.say(replace(ITEMS[30], price=7.5, name="Renamed", category="light"))
    service.wait(lambda: (shown(service, "watcher", "item-030") or {}).get("price") == 7.5)
    found = shown(service, "watcher", "item-030", category="light") or {}
    assert (found["name"], found["category"]) == ("Renamed", "light")
    assert shown(service, "watcher", "item-030", category="kitchen") is None


def test_what_is_not_available_or_gone_vanishes_and_the_answer_stays_full(
    service: ServiceProcess, visitors: Visitors, topic: Topic
) -> None:
    visitors.act("loser", EventType.CLICK, "item-040")
    assert {"item-040", "item-041"} <= set(names(service.recommend(anonymous_id="loser", k=5)))
    topic.say(replace(ITEMS[40], available=False), gone="item-041")
    service.wait(lambda: not {"item-040", "item-041"} & set(names(service.recommend(anonymous_id="loser", k=5))))
    answer = service.recommend(anonymous_id="loser", k=58)
    assert (answer["source"], len(answer["items"])) == ("model", 58)
    assert "item-041" not in names(service.post("/similar", {"item_id": "item-042", "k": 60}).body)
    topic.say(ITEMS[40], ITEMS[41])
    service.wait(lambda: {"item-040", "item-041"} <= set(names(service.recommend(anonymous_id="loser", k=5))))


def test_a_new_item_stands_beside_the_one_most_like_it(
    service: ServiceProcess, visitors: Visitors, topic: Topic
) -> None:
    visitors.act("curious", EventType.CLICK, "item-020")
    # Of its category by name alike, by price nearest to item 20.
    topic.say(Item("brand-new", "Item of today", 21.2, ITEMS[20].category))
    service.wait(lambda: shown(service, "curious", "brand-new") is not None)
    assert service.recommend(anonymous_id="curious", k=5)["source"] == "model"
    similar = service.post("/similar", {"item_id": "brand-new", "k": 3}).body
    assert similar["source"] == "model"
    assert names(similar)[0] == "item-020"
    popular = names(service.recommend(k=60))
    assert popular[popular.index("item-020") + 1] == "brand-new"
    topic.say(Item("first-of-its-kind", "Kayak", 900.0, "boats"))
    service.wait(lambda: names(service.recommend(k=3, category="boats")) == ["first-of-its-kind"])
    topic.say(gone="brand-new")
    topic.say(gone="first-of-its-kind")
    service.wait(lambda: service.get("/health").body["items"] == len(ITEMS))


def test_the_last_known_catalogue_answers_on_while_kafka_is_away(
    service: ServiceProcess,
    settings_there: Settings,
    fragile_kafka: KafkaServer,
    topic: Topic,
    start_service: Callable[..., ServiceProcess],
) -> None:
    topic.say(replace(ITEMS[0], price=99.0))
    service.wait(lambda: service.recommend(k=1)["items"][0]["price"] == 99.0)
    fragile_kafka.kill()
    service.wait(lambda: service.get("/health").body["catalogue"]["error"] != "")
    health = service.get("/health")
    assert (health.status, health.body["status"], health.body["catalogue"]["state"]) == (200, "degraded", "up")
    assert service.recommend(k=1)["items"][0]["price"] == 99.0
    # One that starts meanwhile has the file that was loaded last.
    late = start_service(settings_there, ready=False)
    assert late.recommend(k=1)["items"][0]["price"] == 1.0
    assert late.get("/health").body["items"] == len(ITEMS)
    fragile_kafka.start()
    late.wait(lambda: late.recommend(k=1)["items"][0]["price"] == 99.0)
    service.wait(lambda: service.get("/health").body["catalogue"]["error"] == "")
    topic.say(replace(ITEMS[0], price=98.0))
    service.wait(lambda: service.recommend(k=1)["items"][0]["price"] == 98.0)
