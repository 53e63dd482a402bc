"""A day at the shop: visitors whose events went through the worker, answers of the service, and the lake."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

# First, for its package says how Feast is imported.
import feature_repo.store  # noqa: F401

# isort: split
from feast.infra.online_stores.helpers import _mmh3
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from pyiceberg.expressions import And, EqualTo

from contracts.event import Consent, Context, Event, EventType
from contracts.lake import USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.state import UserState, decode_state, encode_state
from privacy.pseudonym import Pseudonymizer
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import make_settings
from tests.serving.artefacts import promote, write_artefact
from tests.serving.conftest import ITEMS, register, write_catalogue
from tests.serving.service_process import ServiceProcess
from tests.streaming.support import end_offsets, online_row, redis_of, run_in_process, send
from training.skew.check import SkewConfig, check_skew
from training.skew.report import SkewReport


class Shop:
    """Everything between a click and the report."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        create_topics(settings)
        write_catalogue(settings)
        write_artefact(settings, "first", ITEMS)
        promote(settings, "first")
        self.store = register(settings)
        self.service = ServiceProcess(settings, CLICKLOOP_SERVING_VALUES_SHARE="0.5").start()
        self._numbers = itertools.count()

    def profile(self, visitor: str) -> str:
        """The visitor's pseudonym."""
        return Pseudonymizer(self.settings.secrets.pseudonym_key.get_secret_value()).anonymous(visitor)

    def event(self, visitor: str, kind: EventType, *, age_s: float, consent: Consent | None = None) -> Event:
        """An event of some seconds ago."""
        number = next(self._numbers)
        return Event(
            message_id=f"m{number}",
            anonymous_id=self.profile(visitor),
            type=kind,
            timestamp=datetime.now(UTC) - timedelta(seconds=age_s),
            item_id=None if kind is EventType.CONSENT else f"item-{number % 60:03}",
            quantity=1,
            price=0.5 + number % 9,
            properties={"category": "kitchen"},
            context=Context(country="FR"),
            consent=consent or Consent(),
        )

    def work(self, events: Sequence[Event]) -> None:
        """Send events and let a worker fold all of them."""
        send(self.settings, events)
        run_in_process(self.settings, self.store, instance="w")

    def ask(self, visitor: str | None, **fields: Any) -> dict[str, Any]:
        """The service's answer to a visitor."""
        return self.service.recommend(anonymous_id=visitor, **fields)

    def keep(self) -> None:
        """Let the lake take in all that is in Kafka, and all answers so far."""
        from contracts.topics import Topics
        from streaming.lake import open_sink

        logged = "clickloop_serving_served_logged_total"
        asked = self.service.metric("clickloop_serving_requests_total", route="recommend", source="model")
        asked += self.service.metric("clickloop_serving_requests_total", route="recommend", source="popular")
        self.service.wait(lambda: self.service.metric(logged) >= asked)
        sink, topics = open_sink(self.settings), Topics(self.settings.kafka.topic_prefix)
        ends = {topic: end_offsets(self.settings, topic) for topic in (topics.events, topics.features, topics.served)}
        while any(sink.position(topic, part) < end for topic, by in ends.items() for part, end in by.items()):
            sink.step()
        sink.flush()
        sink.close()

    def check(self, **config: Any) -> SkewReport:
        """Today's report so far."""
        day = datetime.now(UTC).date()
        return check_skew(self.settings, day, SkewConfig(settle_s=0.0, **config), store=self.store)

    def state(self, visitor: str) -> UserState:
        """The visitor's online state."""
        return decode_state(online_row(self.store, self.profile(visitor))["state"])

    def tamper(self, visitor: str, state: UserState) -> None:
        """Put another state into the visitor's online row, past all guards."""
        online, config = self.store.provider.online_store, self.store.config
        key = EntityKey(join_keys=["user_id"], entity_values=[Value(string_val=self.profile(visitor))])
        value = Value(bytes_val=encode_state(state)).SerializeToString()
        with redis_of(self.settings) as redis:
            redis.hset(online.row_key(config, key), _mmh3("user_behavior:state"), value)

    def erase(self, visitor: str, row_us: int | None = None) -> None:
        """Delete the visitor's history, or one row of it."""
        where: Any = EqualTo("user_id", self.profile(visitor))
        if row_us is not None:
            at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=row_us)
            where = And(where, EqualTo("event_timestamp", at.isoformat()))
        open_table(self.settings, USER_BEHAVIOR).delete(where)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, kafka: KafkaServer, redis_server: RedisServer) -> Iterator[Shop]:
    home: Path = tmp_path_factory.mktemp("skew")
    shop = Shop(make_settings(home, bootstrap=kafka.bootstrap, redis_url=redis_server.url))
    yield shop
    shop.service.stop()
