"""A new generation of states takes over at once, or the old one goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from contracts.keys import StateKeys, generation_key
from contracts.settings import Settings
from contracts.topics import Topics
from streaming.checkpoint import Checkpoint, Commit
from streaming.generations import Busy, LockLost, NextGeneration, active_generation, drop_generations
from tests.streaming.support import (
    WorkerProcess,
    caught_up,
    check_everything,
    end_offsets,
    make_events,
    redis_of,
    send,
    stored_offsets,
    until,
)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with redis_of(settings) as client:
        yield client


def _next(redis: Redis, settings: Settings, **options: int) -> NextGeneration:
    return NextGeneration(redis, settings.redis.key_prefix, **options)


def _partitions(settings: Settings) -> range:
    return range(settings.kafka.partitions)


def test_second_maker_is_refused_and_no_number_is_given_twice(redis: Redis, settings: Settings) -> None:
    first, second = _next(redis, settings), _next(redis, settings)
    first.begin()
    with pytest.raises(Busy, match="expected no other rebuild"):
        second.begin()
    first.end()
    second.begin()
    assert (first.number, second.number) == (1, 2)
    second.switch()
    second.end()
    assert active_generation(redis, settings.redis.key_prefix) == 2
    third = _next(redis, settings)
    third.begin()
    assert (third.number, third.active) == (3, 2)
    third.end()


def test_maker_that_lost_its_lock_cannot_switch(redis: Redis, settings: Settings) -> None:
    maker = _next(redis, settings, lock_ms=200)
    maker.begin()
    redis.set(f"{{{generation_key(settings.redis.key_prefix)}}}:rebuild", "somebody else")
    with pytest.raises(LockLost):
        maker.switch()
    maker.end()
    assert active_generation(redis, settings.redis.key_prefix) == 0
    assert redis.get(f"{{{generation_key(settings.redis.key_prefix)}}}:rebuild") == b"somebody else"


def test_commit_on_a_closed_generation_is_refused_even_by_who_read_it_open(redis: Redis, settings: Settings) -> None:
    checkpoint = Checkpoint(redis, prefix=settings.redis.key_prefix)
    assert checkpoint.commit([Commit(3, "", "7", {"p": b"old"})]) == set()
    maker = _next(redis, settings)
    maker.begin()
    maker.close_active(_partitions(settings))
    assert checkpoint.commit([Commit(3, "7", "9", {"p": b"new"})]) == {3}
    assert checkpoint.commit([Commit(4, "", "2", {"q": b"new"})]) == {4}
    assert redis.get(StateKeys(3, settings.redis.key_prefix).state("p")) == b"old"
    positions = checkpoint.positions([3, 4])
    assert [one.closed for one in positions.values()] == [True, True]
    assert not checkpoint.reopen(3, positions[3].token), "its closer lives"
    maker.end()
    assert checkpoint.reopen(3, positions[3].token)
    assert checkpoint.reopen(4, positions[4].token)
    opened = checkpoint.positions([3, 4])
    assert [(one.offset, one.closed) for one in opened.values()] == [(7, False), (None, False)]


def test_states_of_other_generations_go_and_those_of_another_prefix_stay(redis: Redis, settings: Settings) -> None:
    prefix = settings.redis.key_prefix
    names = {
        (whose, number): StateKeys(5, whose, number).state("a {events-1}:g7:state:b")
        for whose in (prefix, f"x{prefix}") for number in (0, 1, 7, 12)
    }  # fmt: skip
    for name in names.values():
        redis.set(name, b"state")
    offset = StateKeys(5, prefix, 1).offset
    redis.set(offset, "closed:ab:5")
    assert drop_generations(redis, prefix, keep=[7]) == 3
    left = {key for key, name in names.items() if redis.exists(name)}
    assert left == {(prefix, 7), *((f"x{prefix}", number) for number in (0, 1, 7, 12))}
    left_s: Any = redis.ttl(offset)
    assert left_s > 0


def _copy(redis: Redis, settings: Settings, store: Any, maker: NextGeneration) -> None:
    """All of the serving generation as the new one, states, offsets and rows."""
    prefix = settings.redis.key_prefix
    for number in _partitions(settings):
        old, new = (StateKeys(number, prefix, generation) for generation in (maker.active, maker.number))
        for key in redis.scan_iter(old.state("*"), count=1000):
            redis.copy(key.decode(), new.state(key.decode().split(":state:", 1)[1]))
        redis.copy(old.received, new.received)
        offset: Any = redis.get(old.offset) or b""
        redis.set(new.offset, offset.decode().rpartition(":")[2])
    project = store.config.project
    for key in redis.scan_iter(f"*user_id*{project}", count=1000):
        redis.copy(key, key + b"@%d" % maker.number)


def test_workers_change_over_at_the_switch_and_each_event_counts_once(
    redis: Redis, settings: Settings, store: Any
) -> None:
    events = make_events(6_000, visitors=120, seed=61)
    workers = [WorkerProcess(settings), WorkerProcess(settings)]
    send(settings, events[:2_000])
    until(lambda: caught_up(settings), what="the workers at Kafka's end")
    maker = _next(redis, settings)
    maker.begin()
    send(settings, events[2_000:4_000])
    maker.close_active(_partitions(settings))
    _copy(redis, settings, store, maker)
    held = stored_offsets(settings, maker.number)
    time.sleep(0.5)
    assert stored_offsets(settings, maker.number) == held, "nobody works on a generation that does not serve"
    maker.switch()
    maker.end()
    drop_generations(redis, settings.redis.key_prefix, keep=[maker.number])
    send(settings, events[4_000:])
    until(lambda: caught_up(settings), what="the workers at Kafka's end, on the new generation")
    assert stored_offsets(settings) == end_offsets(settings, Topics(settings.kafka.topic_prefix).events)
    for worker in workers:
        worker.kill()
    check_everything(settings, store, events)


def test_workers_open_the_old_generation_again_when_its_closer_dies(
    redis: Redis, settings: Settings, store: Any
) -> None:
    events = make_events(3_000, visitors=60, seed=62)
    worker = WorkerProcess(settings)
    send(settings, events[:1_000])
    until(lambda: caught_up(settings), what="the worker at Kafka's end")
    maker = _next(redis, settings, lock_ms=1_500)
    maker.begin()
    maker.close_active(_partitions(settings))
    maker._ended.set()  # as a process does that dies: nobody renews the lock any more
    send(settings, events[1_000:])
    until(lambda: caught_up(settings), what="the worker going on with the old generation")
    worker.kill()
    check_everything(settings, store, events)
