"""What cannot be understood goes to `events.rejected`, counted, and its batch goes on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from contracts.event import encode_event
from contracts.rejected import Rejected
from contracts.settings import Settings
from contracts.topics import KIND_HEADER, ORIGIN_HEADER, TRAIL_HEADER, Topics
from streaming.metrics import WorkerMetrics
from streaming.outbox import open_producer
from tests.streaming.support import (
    check_everything,
    make_events,
    read_topic,
    run_in_process,
    send,
)


def _send_raw(settings: Settings, value: bytes | None, *, key: bytes | None, headers: Any = None) -> tuple[int, int]:
    producer = open_producer(settings, compression_type=None)
    topic = Topics(settings.kafka.topic_prefix).events
    placed = producer.send(topic, value, key=key, headers=headers).get(timeout=10)
    producer.close()
    return placed.partition, placed.offset


def _rejected(settings: Settings) -> dict[tuple[int | None, int | None], Rejected]:
    records = read_topic(settings, Topics(settings.kafka.topic_prefix).rejected)
    found = [msgspec.json.decode(one.value, type=Rejected) for one in records]
    return {(one.partition, one.offset): one for one in found}


@pytest.mark.parametrize(
    ("value", "key", "headers", "reason"),
    [
        (b"\xff\x00 no json", b"k", None, "JSON"),
        (b'{"message_id":"x","type":"flight"}', b"k", None, "Invalid"),
        (b'{"message_id":"x","type":"click","timestamp":"2026-11-01T00:00:00Z"}', b"k", None, "came neither"),
        (b'{"message_id":"x"}', None, None, "expected a key"),
        (b"junk", b"k", [(KIND_HEADER, b"merge"), (ORIGIN_HEADER, b"1:2:0")], "UserState"),
        (b"junk", b"k", [(KIND_HEADER, b"merge")], "partition:offset:hops"),
        (b"junk", b"k", [(KIND_HEADER, b"alias"), (ORIGIN_HEADER, b"1:2:0")], "a word on an alias"),
        (b"{}", b"k", [(KIND_HEADER, b"alias"), (ORIGIN_HEADER, b"1:2:0"), (TRAIL_HEADER, b"[7]")], "a trail"),
        (b"junk", b"k", [(KIND_HEADER, b"gossip"), (ORIGIN_HEADER, b"1:2:0")], "expected forward, merge or alias"),
    ],
)
def test_poison_is_rejected_with_its_place_and_the_rest_is_folded(
    settings: Settings, store: Any, value: bytes, key: bytes | None, headers: Any, reason: str
) -> None:
    events = make_events(300, visitors=20, seed=21)
    send(settings, events[:150])
    before = _counted(WorkerMetrics())
    place = _send_raw(settings, value, key=key, headers=headers)
    send(settings, events[150:])
    worker = run_in_process(settings, store)
    rejected = _rejected(settings)
    assert list(rejected) == [place]
    assert reason in rejected[place].reason
    assert rejected[place].source == "worker"
    assert rejected[place].topic == Topics(settings.kafka.topic_prefix).events
    assert _counted(worker.metrics) == before + 1
    check_everything(settings, store, events)


def test_event_under_another_profiles_key_is_rejected(settings: Settings, store: Any) -> None:
    event = make_events(1, visitors=1, seed=22)[0]
    place = _send_raw(settings, encode_event(event), key=b"somebody-else")
    run_in_process(settings, store)
    assert "as key" in _rejected(settings)[place].reason


def test_event_that_the_fold_chokes_on_is_rejected_and_its_batch_goes_on(
    settings: Settings, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from features.fold import fold
    from streaming import folding

    events = make_events(300, visitors=20, seed=23)

    def choking(state: Any, event: Any, **options: Any) -> Any:
        if event.message_id == events[100].message_id:
            fold(state, event, **options)  # the state is spoilt by then
            raise ZeroDivisionError("half an event")
        return fold(state, event, **options)

    monkeypatch.setattr(folding, "fold", choking)
    send(settings, events)
    run_in_process(settings, store)
    (refusal,) = _rejected(settings).values()
    assert refusal.reason == "ZeroDivisionError: half an event"
    assert refusal.raw["message_id"] == events[100].message_id
    check_everything(settings, store, [*events[:100], *events[101:]])


def _counted(metrics: WorkerMetrics) -> float:
    # Not from nothing: Feast makes all counters of one name in a process share their value.
    return float(metrics.events.labels("poison")._value.get())
