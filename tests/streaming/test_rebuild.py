"""States and rows made anew from the lake are those that the stream left, and take over while it goes on."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from contracts.event import Consent, Event, EventType
from contracts.lake import SCHEMAS, USER_BEHAVIOR, open_table
from contracts.settings import Settings
from contracts.topics import Topics
from features.state import decode_state, encode_state, new_state
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from streaming.faults import REBUILD_POINTS, arm
from streaming.generations import active_generation, lock_key
from streaming.lake import open_sink
from streaming.rebuild import rebuild
from streaming.rebuild_plan import NoRoom, Trimmed
from tests.conftest import make_settings
from tests.streaming.conftest import applied
from tests.streaming.filling import drain, drained
from tests.streaming.people import Watch, check_people, owners, people_who_log_in
from tests.streaming.support import (
    WorkerProcess,
    by_profile,
    caught_up,
    check_everything,
    end_offsets,
    instant_us,
    make_events,
    online_row,
    plainly_folded,
    processes,
    redis_of,
    run_in_process,
    send,
    stored_state,
    until,
)


def serving(settings: Settings) -> int:
    with redis_of(settings) as redis:
        return active_generation(redis, settings.redis.key_prefix)


def test_rebuilt_states_are_the_streams_to_the_last_bit_and_the_worker_goes_on(settings: Settings, store: Any) -> None:
    events = make_events(3_000, visitors=60, seed=71)
    send(settings, events[:1_500])
    run_in_process(settings, store)
    drain(settings)
    send(settings, events[1_500:2_000])
    run_in_process(settings, store)
    before = {profile: stored_state(settings, profile) for profile in by_profile(events[:2_000])}
    rebuilt = rebuild(settings, store=store)
    assert (rebuilt.events, rebuilt.poisoned, serving(settings)) == (1_500, 0, 1)
    assert {profile: stored_state(settings, profile) for profile in before} == before
    check_everything(settings, store, events[:2_000])
    with redis_of(settings) as redis:
        assert not list(redis.scan_iter(f"{settings.redis.key_prefix}{{events-*}}:state:*"))
        assert not list(redis.scan_iter(f"*user_id*{store.config.project}"))
    send(settings, events[2_000:])
    run_in_process(settings, store)
    assert caught_up(settings)
    check_everything(settings, store, events)


def test_rebuild_under_traffic_and_logins_shows_no_older_row_and_counts_each_event_once(
    settings: Settings, store: Any
) -> None:
    events = people_who_log_in(make_events(6_000, visitors=60, seed=72, step_s=5.0), users=20)
    workers = [WorkerProcess(settings), WorkerProcess(settings)]
    send(settings, events[:2_500])
    until(lambda: caught_up(settings), what="the workers at Kafka's end")
    drain(settings)
    feeding = threading.Thread(target=send, args=(settings, events[2_500:]), kwargs={"pause_every": 20, "pause_s": 0.2})
    users = sorted(set(owners(events).values()))[:5]
    with Watch(settings, users) as watch:
        feeding.start()
        rebuild(settings, store=store)
        assert feeding.is_alive(), "the test needs traffic during and after the switch"
        feeding.join()
        until(lambda: caught_up(settings), what="the workers at Kafka's end, on the new generation")
    for worker in workers:
        worker.kill()
    assert serving(settings) == 1
    assert watch.worse == []
    assert watch.reads > 100
    check_people(settings, store, events)
    drain(settings)
    check_history_is_whole(settings, events)


def check_history_is_whole(settings: Settings, events: list[Event]) -> None:
    """Every record of a visitor's left a snapshot, or shares its event time with one that did; none came twice."""
    rows = open_table(settings, USER_BEHAVIOR).scan().to_arrow().to_pylist()
    places = [(row["partition"], row["offset"]) for row in rows]
    assert len(set(places)) == len(places)
    told = {(row["user_id"], row["event_us"]) for row in rows}
    for event in events:
        if event.user_id is None and event.profile_id not in owners(events):
            assert (event.profile_id, instant_us(event.timestamp)) in told or _is_older(rows, event)


def _is_older(rows: list[dict[str, Any]], event: Event) -> bool:
    """Whether the event came after a newer one of its visitor: the snapshot then bears that one's time."""
    at_us = instant_us(event.timestamp)
    return any(row["user_id"] == event.profile_id and row["event_us"] > at_us for row in rows)


def _rebuild_until(settings: Settings, point: str) -> None:
    warnings.simplefilter("ignore")
    arm(point)
    rebuild(settings, processes=1, lock_ms=1_500, history=True)
    os._exit(0)


def test_rebuild_killed_at_every_point_leaves_one_generation_serving_and_can_be_run_again(
    settings: Settings, store: Any
) -> None:
    size = 200
    count = 1_000 + size * len(REBUILD_POINTS)
    events = people_who_log_in(make_events(count, visitors=60, seed=73, step_s=5.0), users=20)
    worker = WorkerProcess(settings)
    send(settings, events[:1_000])
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    drain(settings)
    lock = lock_key(settings.redis.key_prefix)
    for number, point in enumerate(REBUILD_POINTS):
        before = serving(settings)
        process = processes().Process(target=_rebuild_until, args=(settings, point))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL, f"the rebuild went past {point!r}: {process.exitcode}"
        switched = REBUILD_POINTS.index(point) >= REBUILD_POINTS.index("rebuild: after switch")
        assert (serving(settings) != before) == switched, point
        begin = 1_000 + number * size
        send(settings, events[begin : begin + size])
        until(lambda: caught_up(settings), what=f"the worker going on after a kill {point}")
        with redis_of(settings) as redis:
            until(lambda: not redis.exists(lock), what="the dead rebuild's lock expired")
    send(settings, events[1_000 + size * len(REBUILD_POINTS) :])
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    rebuild(settings, store=store)
    worker.kill()
    check_people(settings, store, events)
    with redis_of(settings) as redis:
        keys = list(redis.scan_iter(f"{settings.redis.key_prefix}*:state:*"))
    assert {key.split(b"}", 1)[1].split(b":state:")[0] for key in keys} == {b":g%d" % serving(settings)}


def test_rebuild_is_refused_where_kafka_no_longer_has_what_follows_the_lake(settings: Settings, store: Any) -> None:
    events = make_events(400, visitors=20, seed=74)
    send(settings, events[:200])
    run_in_process(settings, store)
    drain(settings)
    send(settings, events[200:])
    run_in_process(settings, store)
    topic = Topics(settings.kafka.topic_prefix).events
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    ends = end_offsets(settings, topic)
    admin.delete_records({TopicPartition(topic, partition): end for partition, end in ends.items()})
    admin.close()
    with pytest.raises(Trimmed, match="Kafka begins at"):
        rebuild(settings, store=store)
    assert serving(settings) == 0
    check_everything_but_history(settings, store, events)


def check_everything_but_history(settings: Settings, store: Any, events: list[Event]) -> None:
    for profile, lived in by_profile(events).items():
        assert stored_state(settings, profile) == encode_state(plainly_folded(lived))
        assert online_row(store, profile)["state"] == stored_state(settings, profile)


def test_rebuild_is_refused_without_room_for_two_generations(
    tmp_path: Path, kafka: KafkaServer, own_redis: RedisServer
) -> None:
    settings = make_settings(tmp_path / "home", bootstrap=kafka.bootstrap, redis_url=own_redis.url)
    settings.home.mkdir()
    create_topics(settings)
    store = applied(settings)
    events = make_events(2_000, visitors=400, seed=75)
    send(settings, events)
    run_in_process(settings, store)
    drain(settings)
    with redis_of(settings) as redis:
        used: Any = redis.info("memory")
        redis.config_set("maxmemory", used["used_memory"] + used["used_memory_dataset"] // 2)
        with pytest.raises(NoRoom, match="Raise maxmemory"):
            rebuild(settings, store=store)
        redis.config_set("maxmemory", 0)
    assert serving(settings) == 0
    rebuild(settings, store=store)
    check_everything(settings, store, events)


def test_states_lost_with_redis_come_back_from_the_lake(settings: Settings, store: Any) -> None:
    events = make_events(1_200, visitors=40, seed=76)
    send(settings, events[:1_000])
    run_in_process(settings, store)
    drain(settings)
    send(settings, events[1_000:])
    with redis_of(settings) as redis:
        for key in redis.scan_iter(f"{settings.redis.key_prefix}*"):
            redis.delete(key)
        for key in redis.scan_iter(f"*user_id*{store.config.project}*"):
            redis.delete(key)
    rebuilt = rebuild(settings, store=store)
    assert rebuilt.events == 1_000
    check_everything(settings, store, events)


def test_withdrawal_without_measurement_is_known_to_a_rebuild(settings: Settings, store: Any) -> None:
    events = make_events(300, visitors=3, seed=77)
    who = events[-1].profile_id
    withdrawal = Event(
        message_id="withdrawal",
        anonymous_id=who,
        type=EventType.CONSENT,
        timestamp=events[-1].timestamp + timedelta(seconds=1),
        consent=Consent(measurement=False, personalization=False, training=False),
    )
    send(settings, [*events, withdrawal])
    run_in_process(settings, store)
    drain(settings)
    before = stored_state(settings, who)
    rebuild(settings, store=store)
    assert stored_state(settings, who) == before
    assert before is not None
    assert decode_state(before).withheld_us == instant_us(withdrawal.timestamp)


def _joined(store: Any, events: list[Event]) -> dict[tuple[str, int], bytes | None]:
    """The state that a label sees a second after each event."""
    moments = [event.timestamp + timedelta(seconds=1) for event in events]
    labels = pd.DataFrame({"user_id": [event.profile_id for event in events], "event_timestamp": moments})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = store.get_historical_features(labels, ["user_behavior:state"]).to_df().to_dict("records")
    return {
        (row["user_id"], instant_us(row["event_timestamp"].to_pydatetime())): row["state"] and bytes(row["state"])
        for row in rows
    }


def _spoil_history(settings: Settings) -> None:
    """History as code without windows would have left it, its commit without a word on offsets."""
    table = open_table(settings, USER_BEHAVIOR)
    rows = table.scan().to_arrow()
    poorer = []
    for payload in rows["state"].to_pylist():
        state = decode_state(payload)
        state.buckets = new_state().buckets
        poorer.append(encode_state(state))
    place = rows.schema.get_field_index("state")
    spoilt = rows.set_column(place, rows.schema.field(place), pa.array(poorer, pa.binary()))
    table.overwrite(spoilt.cast(SCHEMAS[USER_BEHAVIOR]))


def test_rebuilt_history_has_a_new_feature_at_every_past_instant_and_the_sink_goes_on(
    settings: Settings, store: Any
) -> None:
    events = sorted(make_events(1_200, visitors=30, seed=79), key=lambda event: event.timestamp)
    send(settings, events[:700])
    run_in_process(settings, store)
    drain(settings)
    _spoil_history(settings)
    send(settings, events[700:900])
    run_in_process(settings, store)
    # What the sink holds back belongs to the old history: it must not follow the new one into the table.
    late = open_sink(settings)
    while not drained(settings, late):
        late.step()
    rebuilt = rebuild(settings, store=store, history=True)
    late.run(stopped())
    late.close()
    send(settings, events[900:])
    run_in_process(settings, store)
    drain(settings)
    rows = open_table(settings, USER_BEHAVIOR).scan().to_arrow().to_pylist()
    assert rebuilt.snapshots == 900
    assert Counter((row["partition"], row["offset"]) for row in rows) == dict.fromkeys(
        {(row["partition"], row["offset"]) for row in rows}, 1
    )
    assert len(rows) == len(events)
    asked = events[50::25]
    for (profile, at_us), payload in _joined(store, asked).items():
        lived = [event for event in events if event.profile_id == profile and instant_us(event.timestamp) <= at_us]
        assert payload == encode_state(plainly_folded(lived)), f"{profile} at {at_us}"


def stopped() -> threading.Event:
    flag = threading.Event()
    flag.set()
    return flag
