"""Each event has exactly one effect, whatever is killed, repeated or out of order."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from threading import Event as Flag
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient
from redis import Redis

from contracts.event import Event
from contracts.keys import StateKeys
from contracts.settings import Settings
from features.facts import ItemFacts
from features.state import encode_state
from streaming.checkpoint import Checkpoint, Commit
from streaming.loop import Worker
from streaming.worker import open_parts
from tests.streaming.support import (
    WorkerProcess,
    by_profile,
    caught_up,
    check_everything,
    make_events,
    plainly_folded,
    read_snapshots,
    redis_of,
    run_in_process,
    send,
    stored_offsets,
    total_offset,
    until,
)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with redis_of(settings) as client:
        yield client


def test_worker_killed_ten_times_at_random_points_leaves_each_event_once(settings: Settings, store: Any) -> None:
    events = make_events(20_000, visitors=400, seed=1, step_s=5.0)
    feeding = threading.Thread(target=send, args=(settings, events), kwargs={"pause_every": 100, "pause_s": 0.15})
    feeding.start()
    chance = random.Random(2)
    offsets = [0]
    for _ in range(10):
        worker = WorkerProcess(settings, instance="one")
        until(
            lambda: total_offset(settings) > offsets[-1] or not feeding.is_alive(),
            what="the worker at work, so that it can be killed there",
        )
        time.sleep(chance.uniform(0.0, 1.0))
        worker.kill()
        offsets.append(total_offset(settings))
    feeding.join()
    assert len(set(offsets)) >= 8, f"expected the workers to be killed while they worked, came offsets {offsets}"
    worker = WorkerProcess(settings, instance="one")
    until(lambda: caught_up(settings), what="the last worker at Kafka's end")
    worker.kill()
    check_everything(settings, store, events)


def test_repeated_and_shuffled_events_leave_what_clean_input_leaves(settings: Settings, store: Any) -> None:
    events = make_events(2_000, visitors=100, seed=4)
    chance = random.Random(5)
    # A repeat comes soon after, as a client's second try does; order breaks within some dozens.
    noisy = sorted(
        [*enumerate(events), *((place + 20, events[place]) for place in range(0, len(events), 3))],
        key=lambda pair: pair[0] + chance.uniform(0, 40),
    )
    send(settings, [event for _, event in noisy])
    run_in_process(settings, store)
    check_everything(settings, store, events, to_the_bit=False)


def test_two_workers_share_the_partitions_and_survive_a_rebalance(settings: Settings, store: Any) -> None:
    events = make_events(8_000, visitors=300, seed=6)
    feeding = threading.Thread(target=send, args=(settings, events), kwargs={"pause_every": 200, "pause_s": 0.15})
    feeding.start()
    first = WorkerProcess(settings)
    time.sleep(2.0)
    second = WorkerProcess(settings)
    time.sleep(2.5)
    first.signal(signal.SIGTERM)
    third = WorkerProcess(settings)
    feeding.join()
    until(lambda: caught_up(settings), what="the workers at Kafka's end")
    assert first.join() == 0
    second.kill()
    third.kill()
    check_everything(settings, store, events)


def test_four_workers_come_and_go_under_load(settings: Settings, store: Any) -> None:
    supply, sent, enough = make_events(20_000, visitors=100, seed=9, step_s=5.0), list[Event](), Flag()
    feeding = threading.Thread(target=_feed, args=(settings, supply, sent, enough))
    feeding.start()
    workers = [WorkerProcess(settings), WorkerProcess(settings)]
    until(lambda: total_offset(settings) > 0, what="the first batch")
    until(lambda: _sharing(settings) == 2, what="the partitions with two")
    workers += [WorkerProcess(settings), WorkerProcess(settings)]
    until(lambda: _sharing(settings) == 4, what="the partitions with four")
    begun = stored_offsets(settings)
    until(
        lambda: all(stored_offsets(settings)[home] > begun[home] for home in range(settings.kafka.partitions)),
        what="all four at work",
    )
    workers.pop(0).signal(signal.SIGTERM)
    workers.pop(0).kill()
    begun = stored_offsets(settings)
    until(
        lambda: all(stored_offsets(settings)[home] > begun[home] for home in range(settings.kafka.partitions)),
        what="two with everything",
    )
    enough.set()
    feeding.join()
    until(lambda: caught_up(settings), what="the two that are left at Kafka's end")
    for worker in workers:
        worker.kill()
    check_everything(settings, store, sent)


def _feed(settings: Settings, supply: list[Event], sent: list[Event], enough: Flag) -> None:
    """Send some dozens at a time until it is enough."""
    while not enough.wait(0.2) and len(sent) < len(supply):
        some = supply[len(sent) : len(sent) + 40]
        send(settings, some)
        sent += some


def _sharing(settings: Settings) -> int:
    """How many workers the partitions are with; 0 while they are being dealt out."""
    group = settings.kafka.topic_prefix + settings.worker.group
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    try:
        found = admin.describe_groups([group])[group]
    finally:
        admin.close()
    return len(found["members"]) if found["group_state"] == "Stable" else 0


def test_batch_that_a_zombie_folded_otherwise_leaves_no_trace(settings: Settings, store: Any) -> None:
    events = make_events(400, visitors=20, seed=8)
    send(settings, events)
    alone = settings.worker.model_copy(update={"group": "zombie"})
    stopping = Flag()
    parts = open_parts(settings.model_copy(update={"worker": alone}), store, stopping)
    # What it believes of the items is not what its heir believes.
    for item in {event.item_id for event in events if event.item_id is not None}:
        parts.items.table.put(item, 0, ItemFacts("wrong", "wrong", 1.0))
    commit, refused = parts.checkpoint.commit, set[int]()

    def late(commits: Sequence[Commit]) -> set[int]:
        run_in_process(settings, store)
        refused.update(commit(commits))
        stopping.set()
        return refused & {each.partition for each in commits}

    parts.checkpoint.commit = late  # type: ignore[method-assign]
    Worker(parts).run(stopping)
    for part in (parts.source, parts.outbox, parts.items, parts.item_rows):
        part.close()
    assert refused
    check_everything(settings, store, events)
    lived = {
        encode_state(plainly_folded(arrivals[:number]))
        for arrivals in by_profile(events).values()
        for number in range(1, len(arrivals) + 1)
    }
    assert {one.state for one in read_snapshots(settings)} <= lived


def test_commit_is_refused_where_another_has_ended_at_the_same_offset(settings: Settings, redis: Redis) -> None:
    checkpoint, keys = Checkpoint(redis, prefix=settings.redis.key_prefix), StateKeys(3, settings.redis.key_prefix)
    assert checkpoint.commit([Commit(3, "", "7", {"p": b"first"}, outbox=b"first's")]) == set()
    assert checkpoint.commit([Commit(3, "", "7", {"p": b"second"}, outbox=b"second's")]) == {3}
    assert (redis.get(keys.state("p")), redis.get(keys.outbox)) == (b"first", b"first's")


def test_worker_that_slept_through_its_eviction_has_no_effect_when_it_wakes(settings: Settings, store: Any) -> None:
    events = make_events(4_000, visitors=80, seed=7)
    zombie = WorkerProcess(settings)
    send(settings, events[:1_000])
    until(lambda: caught_up(settings), what="the first worker at Kafka's end")
    zombie.signal(signal.SIGSTOP)
    send(settings, events[1_000:2_500])
    heir = WorkerProcess(settings)
    until(lambda: caught_up(settings), what="the second worker at Kafka's end")
    zombie.signal(signal.SIGCONT)
    send(settings, events[2_500:])
    until(lambda: caught_up(settings), what="both at Kafka's end")
    zombie.kill()
    heir.kill()
    check_everything(settings, store, events)
