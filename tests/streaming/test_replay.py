"""Refused events come back once they are good, each once, and bad ones stay."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts.event import Event, encode_event
from contracts.rejected import Rejected
from contracts.settings import Settings
from contracts.topics import Topics
from streaming.outbox import open_producer
from streaming.replay import replay
from tests.streaming.support import check_everything, make_events, read_topic, run_in_process


def _refuse(settings: Settings, raws: list[Any], reason: str) -> None:
    producer = open_producer(settings)
    for raw in raws:
        refusal = Rejected(reason=reason, source="collector", rejected_at=datetime.now(UTC), raw=raw)
        producer.send(Topics(settings.kafka.topic_prefix).rejected, msgspec.json.encode(refusal))
    producer.flush()
    producer.close()


def _raw(event: Event) -> Any:
    return msgspec.json.decode(encode_event(event))


def test_good_events_come_back_once_and_bad_ones_are_reported_and_kept(settings: Settings, store: Any) -> None:
    events = make_events(60, visitors=6, seed=51)
    _refuse(settings, [_raw(event) for event in events], "unknown type click")
    _refuse(settings, [{"type": "flight"}, "no event"], "unknown type flight")
    first = replay(settings)
    assert (first.replayed, len(first.still_bad)) == (60, 2)
    again = replay(settings)
    assert (again.replayed, len(again.still_bad)) == (0, 2)
    run_in_process(settings, store)
    # They come back in the order of the partitions that they were refused to.
    check_everything(settings, store, events, to_the_bit=False)


def test_only_what_is_asked_for_comes_back_and_the_rest_later(settings: Settings) -> None:
    events = make_events(20, visitors=4, seed=52)
    _refuse(settings, [_raw(event) for event in events[:12]], "price below 0")
    _refuse(settings, [_raw(event) for event in events[12:]], "unknown type wish")
    first = replay(settings, where="wish")
    assert (first.replayed, first.passed_over) == (8, 12)
    assert replay(settings).replayed == 12
    found = [record.value for record in read_topic(settings, Topics(settings.kafka.topic_prefix).events)]
    assert sorted(found) == sorted(encode_event(event) for event in events)


def test_events_sent_again_by_an_interrupted_replay_have_no_second_effect(settings: Settings, store: Any) -> None:
    # More events of one visitor than a state remembers message ids.
    events = make_events(200, visitors=1, seed=53)
    _refuse(settings, [_raw(event) for event in events], "unknown type click")
    replay(settings)
    topic = Topics(settings.kafka.topic_prefix).events
    producer = open_producer(settings)
    for record in read_topic(settings, topic):
        producer.send(topic, record.value, key=record.key, headers=list(record.headers))
    producer.flush()
    producer.close()
    run_in_process(settings, store)
    check_everything(settings, store, events, to_the_bit=False)
