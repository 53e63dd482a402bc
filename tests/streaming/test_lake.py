"""The lake keeps each event, each snapshot and each answer once, whoever is killed when."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

import msgspec
import pytest
from pyiceberg.table import Transaction

from contracts.event import Consent, encode_event
from contracts.lake import EVENTS, SERVED, USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS, open_table
from contracts.recommend import Served
from contracts.settings import Settings
from contracts.snapshot import Snapshot, encode_snapshots
from contracts.topics import KIND_FORWARD, KIND_HEADER, ORIGIN_HEADER, Topics
from features.state import encode_state, new_state
from streaming.lake import open_sink
from streaming.outbox import open_producer
from tests.streaming.filling import drain, drained
from tests.streaming.support import make_events, processes, run_in_process, send


def _rows(settings: Settings, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = open_table(settings, table).scan().to_arrow().to_pylist()
    return found


def test_events_and_snapshots_are_kept_once_with_all_they_say(settings: Settings, store: Any) -> None:
    events = make_events(1_000, visitors=40, seed=31)
    send(settings, events)
    run_in_process(settings, store)
    drain(settings)
    drain(settings)
    rows = {row["message_id"]: row for row in _rows(settings, EVENTS)}
    assert len(rows) == len(_rows(settings, EVENTS)) == 1_000
    for event in events[::50]:
        row = rows[event.message_id]
        assert (row["profile_id"], row["timestamp"], row["item_id"]) == (
            event.profile_id,
            event.timestamp,
            event.item_id,
        )
        assert (row["price"], row["quantity"], row["country"]) == (event.price, event.quantity, event.context.country)
        assert msgspec.json.decode(row["properties"]) == event.properties
    snapshots = _rows(settings, USER_BEHAVIOR)
    assert len({(row["partition"], row["offset"]) for row in snapshots}) == len(snapshots)
    assert {row["user_id"] for row in snapshots} == {event.profile_id for event in events}
    assert {row["user_id"] for row in _rows(settings, USER_DEMOGRAPHICS)} == {event.profile_id for event in events}
    assert {row["user_id"] for row in _rows(settings, USER_SEGMENTS)} == {event.profile_id for event in events}


def _sink_killed_at(settings: Settings, commit: int, *, before: bool) -> None:
    """Run a sink that small flushes keep busy, and end it at its n-th commit as SIGKILL does."""
    step, calls = Transaction.commit_transaction, 0

    def deadly(transaction: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == commit and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = step(transaction)
        if calls == commit:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Transaction.commit_transaction = deadly
    small = settings.model_copy(update={"lake": settings.lake.model_copy(update={"flush_rows": 200})})
    open_sink(small).run(Flag())


@pytest.mark.parametrize("before", [True, False], ids=["between write and commit", "after commit"])
def test_sink_killed_between_write_and_commit_keeps_each_event_once(
    settings: Settings, store: Any, *, before: bool
) -> None:
    events = make_events(1_500, visitors=40, seed=32)
    send(settings, events)
    run_in_process(settings, store)
    # A sink has at most four tables to commit, fewer after each of the others.
    for commit in (1, 2, 1):
        process = processes().Process(target=_sink_killed_at, args=(settings, commit), kwargs={"before": before})
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
    drain(settings)
    assert Counter(row["message_id"] for row in _rows(settings, EVENTS)) == Counter(
        event.message_id for event in events
    )
    snapshots = [(row["partition"], row["offset"]) for row in _rows(settings, USER_BEHAVIOR)]
    assert len(set(snapshots)) == len(snapshots)
    newest = {row["user_id"]: row["version"] for row in sorted(_rows(settings, USER_BEHAVIOR), key=_row_time)}
    assert newest == Counter(event.profile_id for event in events)


def _row_time(row: dict[str, Any]) -> Any:
    return row["event_timestamp"]


def test_snapshots_repeated_by_a_killed_worker_are_kept_once(settings: Settings) -> None:
    topics = Topics(settings.kafka.topic_prefix)
    producer = open_producer(settings)
    # A batch may be cut otherwise when it is repeated.
    for batch in ((3, 5), (9,), (3, 5, 9), (5, 9, 12), (12,)):
        snapshots = [Snapshot("p", 2, n, n, n, n, True, encode_state(new_state())) for n in batch]
        producer.send(topics.features, encode_snapshots(snapshots), partition=2)
    producer.flush()
    producer.close()
    drain(settings)
    assert sorted(row["offset"] for row in _rows(settings, USER_BEHAVIOR)) == [3, 5, 9, 12]


def test_offsets_outlive_a_deletion(settings: Settings) -> None:
    events = make_events(200, visitors=10, seed=33)
    send(settings, events)
    drain(settings)
    gone = events[0].profile_id
    open_table(settings, EVENTS).delete(f"profile_id == '{gone}'")
    drain(settings)
    left = [row["message_id"] for row in _rows(settings, EVENTS)]
    assert sorted(left) == sorted(event.message_id for event in events if event.profile_id != gone)


def test_derived_and_unmeasured_records_stay_out_and_consent_is_marked(settings: Settings) -> None:
    kept, private, derived = make_events(3, visitors=1, seed=34)
    kept.consent = Consent(personalization=False, training=False)
    private.consent = Consent(measurement=False)
    send(settings, [kept, private])
    producer = open_producer(settings)
    headers = [(KIND_HEADER, KIND_FORWARD), (ORIGIN_HEADER, b"0:0:0")]
    producer.send(
        Topics(settings.kafka.topic_prefix).events, encode_event(derived), key=b"somebody", headers=headers
    ).get(timeout=10)
    producer.close()
    drain(settings)
    (row,) = _rows(settings, EVENTS)
    assert row["message_id"] == kept.message_id
    assert (row["consent_personalization"], row["consent_training"]) == (False, False)


def test_answers_are_kept(settings: Settings) -> None:
    answer = Served(
        recommendation_id="r1",
        profile_id=None,
        served_at=datetime(2026, 11, 1, tzinfo=UTC),
        items=["a", "b"],
        scores=[0.5, 0.25],
        source="popular",
        model_version=None,
        variant="default",
        state_version=0,
        degraded=["redis"],
        features={},
        timings_ms={"features": 0.2},
        row_us=7,
        context={"country": "FR"},
        digest="0123456789abcdef",
        values={"hours": [0.5, 0.5]},
        biases_until=datetime(2026, 10, 31, tzinfo=UTC),
    )
    producer = open_producer(settings)
    producer.send(Topics(settings.kafka.topic_prefix).served, msgspec.json.encode(answer)).get(timeout=10)
    producer.close()
    drain(settings)
    (row,) = _rows(settings, SERVED)
    assert (row["recommendation_id"], row["items"], row["degraded"]) == ("r1", ["a", "b"], ["redis"])
    assert (row["row_us"], row["digest"]) == (7, "0123456789abcdef")
    assert row["biases_until"] == datetime(2026, 10, 31, tzinfo=UTC)
    assert (row["context"], row["values"]) == ('{"country":"FR"}', '{"hours":[0.5,0.5]}')


def test_second_sink_that_lost_the_race_adds_nothing(settings: Settings) -> None:
    events = make_events(300, visitors=10, seed=35)
    send(settings, events)
    slow = open_sink(settings)
    while not drained(settings, slow):
        slow.step()
    drain(settings)
    stopping = Flag()
    stopping.set()
    slow.run(stopping)
    slow.close()
    assert Counter(row["message_id"] for row in _rows(settings, EVENTS)) == Counter(
        event.message_id for event in events
    )
