"""What Spark's executors run, given what Spark gives them: frames of records, a profile's memory, a real catalogue."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from contracts.event import Event, encode_event
from contracts.item import Item, encode_item
from contracts.settings import Settings
from contracts.topics import KIND_FORWARD, KIND_HEADER, ORIGIN_HEADER, Topics
from features.facts import ItemFacts
from features.fold import DEFAULT_LATENESS_US, fold
from features.state import encode_state, new_state
from streaming.keyed_fold import Folded, decode_folded, stored_cell
from streaming.outbox import open_producer
from streaming.spark import group_fold
from streaming.spark_items import followed_items
from tests.streaming.support import make_events


class Memory:
    """A profile's place in Spark's state store: GroupState, as far as the fold goes."""

    def __init__(self) -> None:
        self.value: tuple[Any, ...] | None = None

    @property
    def exists(self) -> bool:
        return self.value is not None

    @property
    def get(self) -> tuple[Any, ...]:
        if self.value is None:
            raise ValueError("nothing is stored")
        return self.value

    def update(self, value: tuple[Any, ...]) -> None:
        # Spark hands back a bytearray.
        self.value = (bytearray(value[0]),)


def frame(events: Sequence[Event], *, first: int, headers: Any = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "partition": 0,
            "offset": range(first, first + len(events)),
            "timestamp": 0,
            "key": [event.profile_id.encode() for event in events],
            "value": [encode_event(event) for event in events],
            "headers": [headers] * len(events),
        }
    )


def told(made: Iterator[pd.DataFrame]) -> Folded:
    (one,) = [payload for each in made for payload in each["folded"]]
    return decode_folded(one)


@pytest.fixture
def folding(settings: Settings) -> Iterator[Any]:
    yield group_fold(settings.kafka, DEFAULT_LATENESS_US)
    followed_items(settings.kafka, DEFAULT_LATENESS_US).close()


def test_frames_of_several_batches_fold_as_the_events_do(folding: Any) -> None:
    events = make_events(60, visitors=1, seed=31)
    name, memory = events[0].profile_id, Memory()
    told(folding((name,), iter([frame(events[20:40], first=20), frame(events[:20], first=0)]), memory))
    folded = told(folding((name,), iter([frame(events[40:], first=40)]), memory))
    state = new_state()
    for event in events:
        fold(state, event)
    assert encode_state(stored_cell(bytes(memory.get[0])).state) == encode_state(state)
    assert folded.history[-1].state == encode_state(state)


def test_headers_come_as_spark_gives_them(folding: Any) -> None:
    # The same forward twice, from one origin: it counts once.
    event = make_events(1, visitors=1, seed=32)
    marks = [{"key": KIND_HEADER, "value": KIND_FORWARD}, {"key": ORIGIN_HEADER, "value": b"2:7:0"}]
    twice = frame([event[0], event[0]], first=0, headers=marks)
    folded = told(folding((event[0].profile_id,), iter([twice]), Memory()))
    assert folded.outcomes == {"applied": 1, "repeated": 1}


def test_items_count_with_what_the_catalogue_said_at_the_events_time(settings: Settings, folding: Any) -> None:
    (event,) = make_events(1, visitors=1, seed=33)
    event.price, item_id = None, str(event.item_id)
    producer = open_producer(settings)
    item = Item(item_id, "A Lamp", 30.0, "light", brand="acme")
    since = datetime(2020, 1, 1, tzinfo=UTC)
    producer.send(
        Topics(settings.kafka.topic_prefix).items,
        encode_item(item),
        key=item_id.encode(),
        timestamp_ms=int(since.timestamp() * 1000),
    ).get(timeout=10)
    producer.close()
    folded = told(folding((event.profile_id,), iter([frame([event], first=0)]), Memory()))
    state = new_state()
    fold(state, event, facts=ItemFacts("light", "acme", 30.0))
    assert folded.history[-1].state == encode_state(state)


def test_what_executors_need_goes_over_the_wire(settings: Settings) -> None:
    assert pickle.loads(pickle.dumps(settings.kafka)) == settings.kafka
