"""Purchases and carts overtake scrolls when the worker is behind; the outcome is what the definitions say."""

from __future__ import annotations

import random
import signal
import threading
import time
from datetime import timedelta
from threading import Event as Flag
from typing import Any

from contracts.event import Consent, Event, EventType
from contracts.settings import Settings
from contracts.topics import Topics
from features.evaluate import evaluate
from features.state import decode_state
from stack.lag import consumer_lag
from streaming.loop import Worker
from streaming.partitioning import HomeAssignor, partition_of
from streaming.rebuild import rebuild
from streaming.worker import open_parts
from tests.features.oracle import Oracle, agree
from tests.streaming.filling import drain
from tests.streaming.support import (
    MIXED_KINDS,
    START,
    WorkerProcess,
    by_profile,
    caught_up,
    check_everything,
    end_offsets,
    instant_us,
    make_events,
    read_topic,
    run_in_process,
    send,
    stored_offsets,
    stored_state,
    until,
)

HOMES = 8
SCROLLS = 20_000


def _backlog() -> tuple[list[Event], list[Event]]:
    """Scrolls, and afterwards purchases of the same visitors."""
    scrolls = make_events(SCROLLS, visitors=100, seed=61, step_s=0.5, kinds=[EventType.SCROLL])
    bought = make_events(200, visitors=100, seed=61, step_s=1.0, kinds=[EventType.PURCHASE, EventType.ADD_TO_CART])
    later = timedelta(seconds=SCROLLS)
    for number, event in enumerate(bought):
        event.message_id, event.timestamp = f"bought-{number}", event.timestamp + later
    return scrolls, bought


def test_purchases_behind_a_backlog_of_scrolls_are_visible_before_any_scroll_is(settings: Settings, store: Any) -> None:
    scrolls, bought = _backlog()
    send(settings, scrolls)
    send(settings, bought)
    # What the worker still has before it once the last purchase is in the states.
    ends = end_offsets(settings, Topics(settings.kafka.topic_prefix).events)
    parts = open_parts(settings, store, Flag())
    worker = Worker(parts)
    while any(stored_offsets(settings)[home] < ends[home] for home in range(HOMES)):
        worker.step()
    scrolled = sum(offset for partition, offset in stored_offsets(settings).items() if partition >= HOMES)
    for profile_id, lived in by_profile(bought).items():
        assert decode_state(stored_state(settings, profile_id) or b"").version >= len(lived)
    assert scrolled < SCROLLS / 10, f"{scrolled} scrolls were folded before the last purchase"
    parts.source.close()
    parts.outbox.close()
    run_in_process(settings, store)
    check_everything(settings, store, [*scrolls, *bought], to_the_bit=False)


def test_purchases_that_come_while_scrolls_are_folded_wait_for_few_of_them(settings: Settings, store: Any) -> None:
    scrolls, bought = _backlog()
    send(settings, scrolls)
    parts = open_parts(settings, store, Flag())
    worker = Worker(parts)
    while sum(stored_offsets(settings).values()) < SCROLLS / 10:
        worker.step()
    send(settings, bought)
    ends = end_offsets(settings, Topics(settings.kafka.topic_prefix).events)
    before = _scrolled(settings)
    while any(stored_offsets(settings)[home] < ends[home] for home in range(HOMES)):
        worker.step()
    assert _scrolled(settings) - before < SCROLLS / 2
    # And the bulk is not starved: it goes on once nobody is before it.
    while not caught_up(settings):
        worker.step()
    parts.source.close()
    parts.outbox.close()
    check_everything(settings, store, [*scrolls, *bought], to_the_bit=False)


def _scrolled(settings: Settings) -> int:
    return sum(offset for partition, offset in stored_offsets(settings).items() if partition >= HOMES)


def test_bulk_goes_on_though_the_main_lane_never_ends(settings: Settings, store: Any) -> None:
    small = settings.model_copy(update={"worker": settings.worker.model_copy(update={"poll_records": 100})})
    send(settings, make_events(200, visitors=20, seed=62, kinds=[EventType.SCROLL]))
    parts = open_parts(small, store, Flag())
    worker = Worker(parts)
    number = 0
    while _scrolled(settings) < 50:
        # Always more than one poll takes.
        number += 1
        send(settings, make_events(110, visitors=20, seed=1000 + number))
        worker.step()
        ends = end_offsets(settings, Topics(settings.kafka.topic_prefix).events)
        assert any(stored_offsets(settings)[home] < ends[home] for home in range(HOMES))
    parts.source.close()
    parts.outbox.close()


def test_both_lanes_are_exact_though_workers_are_killed_and_rebalanced(settings: Settings, store: Any) -> None:
    events = make_events(12_000, visitors=300, seed=63, step_s=5.0, kinds=MIXED_KINDS)
    small = settings.model_copy(update={"worker": settings.worker.model_copy(update={"poll_records": 300})})
    feeding = threading.Thread(target=send, args=(settings, events), kwargs={"pause_every": 200, "pause_s": 0.1})
    feeding.start()
    chance = random.Random(64)
    workers = [WorkerProcess(small) for _ in range(2)]
    for number in range(4):
        time.sleep(chance.uniform(0.5, 1.5))
        workers.append(WorkerProcess(small))
        if number % 2:
            workers.pop(0).kill()
    feeding.join()
    until(lambda: caught_up(settings), what="the workers at Kafka's end")
    for worker in workers:
        worker.signal(signal.SIGTERM)
        assert worker.join() == 0
    check_everything(settings, store, events, to_the_bit=False)
    lag = consumer_lag(settings)["worker"]
    assert (lag["total"], len(lag["partitions"])) == (0, 2 * HOMES)


def test_visitors_who_log_in_keep_what_both_lanes_say_of_them(settings: Settings, store: Any) -> None:
    events: list[Event] = []
    by_user: dict[str, list[Event]] = {}
    chance = random.Random(65)
    for number, event in enumerate(make_events(3_000, visitors=30, seed=66, step_s=2.0, kinds=MIXED_KINDS)):
        user = f"user-{str(event.anonymous_id).rsplit('-', 1)[1]}"
        made = [event]
        if number >= 2_970 or chance.random() < 0.02:
            made.append(_login(event, user, number))
        events += made
        by_user.setdefault(user, []).extend(made)
    for user, lived in by_user.items():
        events.append(_login(lived[-1], user, 10_000 + len(events)))
        lived.append(events[-1])
    assert any(partition_of(e.anonymous_id or "", HOMES) != partition_of(e.user_id or "", HOMES) for e in events)
    small = settings.model_copy(update={"worker": settings.worker.model_copy(update={"poll_records": 100})})
    send(settings, events)
    for _ in range(4):
        worker = WorkerProcess(small, instance="one")
        time.sleep(chance.uniform(0.6, 1.2))
        worker.kill()
    run_in_process(settings, store, instance="one")
    at = events[-1].timestamp + timedelta(minutes=5)
    for user, lived in by_user.items():
        agree(evaluate(decode_state(stored_state(settings, user) or b""), instant_us(at)), Oracle.of(lived).values(at))


def _login(event: Event, user: str, number: int) -> Event:
    return Event(
        message_id=f"login-{number}",
        anonymous_id=event.anonymous_id,
        user_id=user,
        type=EventType.IDENTIFY,
        timestamp=event.timestamp + timedelta(milliseconds=1),
    )


def test_withdrawal_overtakes_scrolls_from_before_it_and_they_leave_nothing(settings: Settings, store: Any) -> None:
    scrolls = make_events(300, visitors=1, seed=67, step_s=1.0, kinds=[EventType.SCROLL])
    visitor = scrolls[0].anonymous_id
    withdrawal = Event(
        message_id="withdrawal",
        anonymous_id=visitor,
        type=EventType.CONSENT,
        timestamp=START + timedelta(seconds=150),
        consent=Consent(personalization=False),
    )
    send(settings, [*scrolls, withdrawal])
    run_in_process(settings, store)
    state = decode_state(stored_state(settings, str(visitor)) or b"")
    after = [scroll for scroll in scrolls if scroll.timestamp > withdrawal.timestamp]
    assert state.version == 1 + len(after)
    # The withdrawal is an event folded, of which nothing is counted.
    assert evaluate(state, state.event_us)["other_24h"] == len(after) < 300


def test_turns_lie_in_the_main_lane_alone_and_a_repeated_one_is_harmless(settings: Settings, store: Any) -> None:
    events = make_events(600, visitors=40, seed=68, kinds=MIXED_KINDS)
    send(settings, events)
    run_in_process(settings, store)
    records = read_topic(settings, Topics(settings.kafka.topic_prefix).events)
    turns = [record for record in records if ("clickloop-kind", b"turn") in record.headers]
    assert turns
    assert {record.partition for record in turns} <= set(range(HOMES))
    assert len(records) == len(events) + len(turns)
    check_everything(settings, store, events, to_the_bit=False)


def test_rebuild_goes_on_in_both_lanes_where_the_lake_ended_in_each(settings: Settings, store: Any) -> None:
    events = make_events(1_500, visitors=40, seed=69, kinds=MIXED_KINDS)
    send(settings, events[:600])
    run_in_process(settings, store)
    drain(settings)
    send(settings, events[600:1_000])
    run_in_process(settings, store)
    rebuild(settings, store=store, processes=1)
    send(settings, events[1_000:])
    run_in_process(settings, store)
    check_everything(settings, store, events, to_the_bit=False)


class _Member:
    def __init__(self, name: str) -> None:
        self.member_id, self.group_instance_id = name, None
        self.metadata = HomeAssignor.metadata({"events"})


class _Cluster:
    @staticmethod
    def partitions_for_topic(topic: str) -> set[int]:
        return set(range(2 * HOMES))


def test_every_home_has_one_worker_for_both_lanes_however_many_there_are() -> None:
    for count in range(1, 11):
        found = HomeAssignor.assign(_Cluster(), [_Member(f"member-{number}") for number in range(count)])
        owned = [dict(each.assigned_partitions).get("events", []) for each in found.values()]
        assert sorted(partition for each in owned for partition in each) == list(range(2 * HOMES))
        for each in owned:
            assert {partition + HOMES for partition in each if partition < HOMES} == {p for p in each if p >= HOMES}
        sizes = [len(each) for each in owned]
        assert max(sizes) - min(sizes) <= 2
