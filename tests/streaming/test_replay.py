"""Refused events come back once they are good, each once, and bad ones stay."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from contracts.event import Event, InvalidEvent, encode_event, parse_event
from contracts.lake import EVENTS, open_table
from contracts.rejected import Rejected
from contracts.settings import Settings
from contracts.topics import Topics
from features.fold import fold
from streaming import folding
from streaming.faults import arm
from streaming.outbox import open_producer
from streaming.replay import replay
from tests.streaming.filling import drain
from tests.streaming.support import check_everything, make_events, processes, read_topic, run_in_process, send


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


@pytest.mark.parametrize("plan", ["replay: before send#90", "replay: after flush", "replay: after commit"])
def test_replay_killed_midway_and_run_again_brings_each_back_once_and_keeps_one_copy_of_the_bad(
    settings: Settings, store: Any, plan: str
) -> None:
    # More events of one visitor than a state remembers message ids.
    events = make_events(160, visitors=1, seed=54)
    raws = [_raw(event) for event in events]
    for number, raw in enumerate(raws[:150:10]):
        raws[number * 10] = raw | {"type": "flight"}
    _refuse(settings, raws, "unknown type")
    _killed(settings, plan)
    rest = replay(settings)
    assert rest.replayed > 0, "expected it to be killed midway"
    bad = replay(settings)
    assert (bad.replayed, len(bad.still_bad)) == (0, 15)
    assert {one["reason"] for one in bad.still_bad} == {_reason(raws[0])}
    good = [event for event, raw in zip(events, raws, strict=True) if raw["type"] != "flight"]
    _check_folded_and_kept_once(settings, store, good)


def test_refusal_put_back_before_a_kill_comes_back_once_though_the_next_replay_finds_it_good(
    settings: Settings,
) -> None:
    events = make_events(20, visitors=1, seed=55)
    _refuse(settings, [_raw(event) for event in events], "unknown type click")
    _killed(settings, "replay: after flush", where="price")
    replay(settings)
    replay(settings)
    found = [record.value for record in read_topic(settings, Topics(settings.kafka.topic_prefix).events)]
    assert sorted(found) == sorted(encode_event(event) for event in events)


def test_event_sent_before_a_kill_comes_back_once_though_the_next_replay_asks_for_others(
    settings: Settings, store: Any
) -> None:
    events = make_events(160, visitors=1, seed=57)
    _refuse(settings, [_raw(event) for event in events], "unknown type click")
    _killed(settings, "replay: after flush")
    assert read_topic(settings, Topics(settings.kafka.topic_prefix).events), "expected some to be sent"
    assert replay(settings, where="price").passed_over > 0
    replay(settings)
    _check_folded_and_kept_once(settings, store, events)


def test_event_that_the_fold_choked_on_comes_back_with_those_that_the_collector_refused(
    settings: Settings, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = make_events(120, visitors=4, seed=56)
    choked = {event.message_id for event in events[40:60]}

    def choking(state: Any, event: Any, **options: Any) -> Any:
        if event.message_id in choked:
            raise ZeroDivisionError("half an event")
        return fold(state, event, **options)

    with monkeypatch.context() as broken:
        broken.setattr(folding, "fold", choking)
        send(settings, events[:100])
        run_in_process(settings, store)
    _refuse(settings, [_raw(event) for event in events[100:]], "unknown type click")
    only = replay(settings, where="half an event")
    assert (only.replayed, only.passed_over) == (20, 20)
    assert (replay(settings).replayed, replay(settings).replayed) == (20, 0)
    run_in_process(settings, store)
    check_everything(settings, store, events, to_the_bit=False)


def _check_folded_and_kept_once(settings: Settings, store: Any, events: list[Event]) -> None:
    run_in_process(settings, store)
    check_everything(settings, store, events, to_the_bit=False)
    drain(settings)
    kept = [row["message_id"] for row in open_table(settings, EVENTS).scan().to_arrow().to_pylist()]
    assert sorted(kept) == sorted(event.message_id for event in events)


def _killed(settings: Settings, plan: str, *, where: str = "") -> None:
    process = processes().Process(target=_replay_armed, args=(settings, plan, where))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, f"never came to {plan}"


def _replay_armed(settings: Settings, plan: str, where: str) -> None:
    arm(plan)
    replay(settings, where=where)


def _reason(raw: Any) -> str:
    with pytest.raises(InvalidEvent) as refused:
        parse_event(raw)
    return str(refused.value)
