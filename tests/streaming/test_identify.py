"""A visitor who logs in becomes the user, once, on whatever partitions the two live."""

from __future__ import annotations

import random
import signal
import time
from datetime import timedelta
from typing import Any

from contracts.event import Event, EventType
from contracts.settings import Settings
from contracts.topics import Topics
from streaming.cells import decode_cell
from streaming.partitioning import partition_of
from tests.streaming.lives import PEOPLE, check_lives, lives
from tests.streaming.support import (
    WorkerProcess,
    caught_up,
    make_events,
    read_topic,
    run_in_process,
    send,
    stored_state,
    until,
)


def test_identify_moves_every_event_of_the_visitor_to_the_user_once(settings: Settings, store: Any) -> None:
    events, by_user = lives(1)
    apart = {
        (partition_of(str(e.anonymous_id), 8), partition_of(e.user_id, 8)) for e in events if e.user_id is not None
    }
    assert any(one != two for one, two in apart), "the test needs profiles on different partitions"
    send(settings, events)
    run_in_process(settings, store)
    check_lives(settings, store, by_user)


def test_identify_is_exact_though_the_worker_is_killed_all_along(settings: Settings, store: Any) -> None:
    events, by_user = lives(2)
    small = settings.model_copy(update={"worker": settings.worker.model_copy(update={"poll_records": 60})})
    chance = random.Random(3)
    send(settings, events)
    for _ in range(8):
        worker = WorkerProcess(small, instance="one")
        time.sleep(chance.uniform(0.5, 0.9))
        worker.kill()
    last = WorkerProcess(settings, instance="one")
    until(lambda: caught_up(settings), what="the last worker at Kafka's end")
    last.signal(signal.SIGTERM)
    assert last.join() == 0
    check_lives(settings, store, by_user)


def test_identify_repeated_by_the_client_merges_once(settings: Settings, store: Any) -> None:
    events, by_user = lives(4)
    logins = [event for event in events if event.type is EventType.IDENTIFY]
    send(settings, [*events, *logins[-40:]])
    run_in_process(settings, store)
    check_lives(settings, store, by_user)


def test_users_who_turn_out_to_be_one_are_one_though_the_worker_is_killed_all_along(
    settings: Settings, store: Any
) -> None:
    events, by_user = lives(6)
    chance = random.Random(7)
    unions: list[Event] = []
    # Every third user is the next one's former name and that one the next's; the third says it is the first.
    for first in range(0, PEOPLE, 3):
        names = [f"user-6-{first + each}" for each in range(3)]
        for number, (previous, user) in enumerate([(0, 1), (1, 2), (2, 0)]):
            union = Event(
                message_id=f"union-6-{first}-{number}",
                user_id=names[user],
                previous_id=names[previous],
                type=EventType.ALIAS,
                timestamp=events[chance.randrange(len(events))].timestamp,
            )
            unions.append(union)
            by_user[names[user]].append(union)
    mixed = sorted([*events, *unions], key=lambda event: event.timestamp)
    send(settings, mixed)
    small = settings.model_copy(update={"worker": settings.worker.model_copy(update={"poll_records": 60})})
    for _ in range(4):
        worker = WorkerProcess(small, instance="one")
        time.sleep(chance.uniform(0.5, 0.9))
        worker.kill()
    run_in_process(settings, store, instance="one")
    people: dict[str, list[Event]] = {}
    for first in range(0, PEOPLE, 3):
        names = [f"user-6-{first + each}" for each in range(3)]
        cells = {name: decode_cell(stored_state(settings, name)) for name in names}
        (root,) = (name for name, cell in cells.items() if cell.alias is None)
        people[root] = [event for name in names for event in by_user[name]]
    check_lives(settings, store, people)


def test_aliases_in_a_circle_lose_nothing_and_the_worker_goes_on(settings: Settings, store: Any) -> None:
    start = make_events(1, visitors=1, seed=5)[0].timestamp

    def identify(number: int, anonymous_id: str, user_id: str) -> Event:
        return Event(
            message_id=f"circle-{number}",
            anonymous_id=anonymous_id,
            user_id=user_id,
            type=EventType.IDENTIFY,
            timestamp=start + timedelta(seconds=number),
        )

    send(settings, [identify(1, "a", "b"), identify(2, "b", "a")])
    run_in_process(settings, store)
    after = Event(message_id="after", anonymous_id="a", type=EventType.CLICK, timestamp=start + timedelta(hours=1))
    fine = Event(message_id="fine", anonymous_id="c", type=EventType.CLICK, timestamp=start + timedelta(hours=1))
    send(settings, [after, fine])
    run_in_process(settings, store)
    versions = {name: decode_cell(stored_state(settings, name)).state.version for name in "abc"}
    assert versions["c"] == 1
    assert sorted([versions["a"], versions["b"]]) == [0, 3]
    assert read_topic(settings, Topics(settings.kafka.topic_prefix).rejected) == []
