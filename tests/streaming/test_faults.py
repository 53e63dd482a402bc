"""A process killed at every place that has a name, at its first and its second pass: each event has one effect."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from contracts.event import Event, EventType
from contracts.lake import EVENTS, USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.evaluate import evaluate
from features.fold import fold
from features.segments import segments
from features.state import decode_state, encode_state, new_state
from streaming import lake
from streaming.faults import LAKE_POINTS, POINTS, VARIABLE, WORKER_POINTS, UnknownFault, arm
from streaming.loop import Parts
from tests.conftest import PROJECT
from tests.streaming.filling import drain
from tests.streaming.lives import check_users
from tests.streaming.support import (
    MIXED_KINDS,
    WorkerProcess,
    by_profile,
    caught_up,
    check_everything,
    make_events,
    processes,
    run_in_process,
    send,
    stored_state,
    until,
)

TURN = "worker: after turn"
SLICE = 120
GUESTS = 12
# The walk in pieces, each on topics of its own.
SHARES = 3


def _ended_or_idle(worker: WorkerProcess, settings: Settings) -> bool:
    return not worker.alive or caught_up(settings)


def _armed(plan: str, parts: Parts) -> None:
    arm(plan)


def _guests(events: Sequence[Event]) -> tuple[list[Event], dict[str, list[Event]]]:
    """Visitors who log in one after the other, and go on as visitors; their events by user."""
    made: list[Event] = []
    by_user: dict[str, list[Event]] = {}
    for number, event in enumerate(events[: GUESTS * 20]):
        guest = number % GUESTS
        event.anonymous_id, event.message_id = f"guest-{guest}", f"g{number}"
        made.append(event)
        lived = by_user.setdefault(f"user-of-{guest}", [])
        lived.append(event)
        if number // GUESTS == guest:
            login = Event(
                message_id=f"login-{guest}",
                anonymous_id=f"guest-{guest}",
                user_id=f"user-of-{guest}",
                type=EventType.IDENTIFY,
                timestamp=event.timestamp + timedelta(seconds=1),
            )
            made.append(login)
            lived.append(login)
    return made, by_user


def _plans(points: Sequence[str]) -> Iterator[str]:
    """Every place twice; those of a takeover after a death that leaves something to take over."""
    for point in points:
        for number in (1, 2):
            if point.endswith(("taken over", "owed")):
                yield "worker: after commit"
            yield f"{point}#{number}"


def _slices(events: Sequence[Event], count: int) -> Iterator[Sequence[Event]]:
    size = -(-len(events) // count)
    for number in range(count):
        yield events[number * size : (number + 1) * size]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(SHARES))
def test_worker_killed_at_every_place_leaves_each_event_once(settings: Settings, store: Any, share: int) -> None:
    plans = list(_plans([point for point in WORKER_POINTS if point != TURN][share::SHARES]))
    events = make_events(SLICE * len(plans), visitors=60, seed=51, step_s=5.0)
    guests, by_user = _guests(make_events(GUESTS * 20, visitors=1, seed=52, step_s=60.0))
    quick = settings.worker.model_copy(update={"poll_records": 40, "poll_timeout_ms": 50})
    small = settings.model_copy(update={"worker": quick})
    pieces = zip(_slices(events, len(plans)), _slices(guests, len(plans)), strict=True)
    for plan, (piece, some) in zip(plans, pieces, strict=True):
        first, second = _slices(piece, 2)
        send(settings, [*first, *some])
        worker = WorkerProcess(small, partial(_armed, plan), instance="one")
        # A worker can do all that is there at one pass; what comes when it is done makes a second one.
        until(partial(_ended_or_idle, worker, settings), what=f"{plan}, or the end of what was sent")
        send(settings, second)
        assert worker.join() == -signal.SIGKILL, f"never came to {plan}"
    run_in_process(settings, store, instance="one")
    drain(settings)
    check_everything(settings, store, events)
    _check_history(settings, events)
    _check_attributes(settings, store, events)
    check_users(settings, store, by_user)
    kept = [row["message_id"] for row in open_table(settings, EVENTS).scan().to_arrow().to_pylist()]
    assert sorted(kept) == sorted(event.message_id for event in [*events, *guests])


@pytest.mark.timeout(300)
def test_worker_killed_with_a_turn_on_its_way_folds_both_lanes_once(settings: Settings, store: Any) -> None:
    plans = [f"{TURN}#{number}" for number in (1, 2, 3)]
    events = make_events(400 * len(plans), visitors=40, seed=54, kinds=MIXED_KINDS)
    for plan, piece in zip(plans, _slices(events, len(plans)), strict=True):
        send(settings, piece)
        worker = WorkerProcess(settings, partial(_armed, plan), instance="one")
        assert worker.join() == -signal.SIGKILL, f"never came to {plan}"
    run_in_process(settings, store, instance="one")
    check_everything(settings, store, events, to_the_bit=False)


def _check_history(settings: Settings, events: Sequence[Event]) -> None:
    """Rows of the lake are states that the profile went through, one an event and each last of its event time."""
    rows = open_table(settings, USER_BEHAVIOR).scan().to_arrow().to_pylist()
    assert len({(row["partition"], row["offset"]) for row in rows}) == len(rows)
    kept: dict[str, list[bytes]] = {}
    for row in rows:
        kept.setdefault(row["user_id"], []).append(row["state"])
    for profile_id, arrivals in by_profile(events).items():
        state, lived, needed = new_state(), set(), set()
        for event in arrivals:
            before_us, before = state.event_us, encode_state(state)
            fold(state, event)
            lived.add(encode_state(state))
            if state.event_us > before_us > 0:
                needed.add(before)
        needed.add(encode_state(state))
        found = set(kept[profile_id])
        assert len(found) == len(kept[profile_id])
        assert needed <= found <= lived, f"history of {profile_id} is not what its events make"


def _check_attributes(settings: Settings, store: Any, events: Sequence[Event]) -> None:
    for profile_id in by_profile(events):
        payload = stored_state(settings, profile_id)
        assert payload is not None
        state = decode_state(payload)
        row = store.get_online_features(
            ["user_demographics:country", "user_segments:segments"], [{"user_id": profile_id}]
        ).to_dict()
        assert row["country"] == [state.traits["country"].value]
        assert (row["segments"][0] or []) == segments(evaluate(state, state.event_us))


def _sink(settings: Settings, plan: str) -> None:
    arm(plan)
    lake._POLL_RECORDS = 25  # so that there is more than one flush
    lake.open_sink(settings).run(Flag())


@pytest.mark.timeout(900)
def test_lake_sink_killed_at_every_place_keeps_each_row_once(settings: Settings, store: Any) -> None:
    plans = [f"{point}#{number}" for point in LAKE_POINTS for number in (1, 2)]
    events = make_events(100 * len(plans), visitors=30, seed=53)
    small = settings.model_copy(update={"lake": settings.lake.model_copy(update={"flush_rows": 50})})
    for plan, piece in zip(plans, _slices(events, len(plans)), strict=True):
        send(settings, piece)
        run_in_process(settings, store, instance="one")
        process = processes().Process(target=_sink, args=(small, plan))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL, f"never came to {plan}"
    drain(settings)
    _check_history(settings, events)
    kept = [row["message_id"] for row in open_table(settings, EVENTS).scan().to_arrow().to_pylist()]
    assert sorted(kept) == sorted(event.message_id for event in events)


def test_every_place_is_registered_and_every_registered_place_is_in_the_code() -> None:
    named = [
        name
        for path in (Path(PROJECT) / "streaming").glob("*.py")
        if path.name != "faults.py"
        for name in re.findall(r'\bfault\("([^"]+)"\)', path.read_text())
    ]
    assert sorted(named) == sorted(POINTS)


def test_a_place_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownFault, match=f"{VARIABLE}: expected one of worker: .*came 'worker: nowhere'"):
        arm("worker: nowhere")
