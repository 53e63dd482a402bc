"""States and rows made anew from the lake are those that the stream left, and take over while it goes on."""

from __future__ import annotations

from typing import Any

from contracts.settings import Settings
from contracts.topics import Topics
from streaming.generations import active_generation
from streaming.lake import LakeSink, open_sink
from streaming.rebuild import rebuild
from tests.streaming.support import (
    by_profile,
    caught_up,
    check_everything,
    end_offsets,
    make_events,
    redis_of,
    run_in_process,
    send,
    stored_state,
)


def fill_lake(settings: Settings) -> None:
    """Keep everything that Kafka has."""
    sink = open_sink(settings)
    while not _done(settings, sink):
        sink.step()
    sink.flush()
    sink.close()


def _done(settings: Settings, sink: LakeSink) -> bool:
    topics = Topics(settings.kafka.topic_prefix)
    return all(
        sink.position(topic, partition) >= end
        for topic in (topics.events, topics.features)
        for partition, end in end_offsets(settings, topic).items()
    )


def serving(settings: Settings) -> int:
    with redis_of(settings) as redis:
        return active_generation(redis, settings.redis.key_prefix)


def test_rebuilt_states_are_the_streams_to_the_last_bit_and_the_worker_goes_on(settings: Settings, store: Any) -> None:
    events = make_events(3_000, visitors=60, seed=71)
    send(settings, events[:1_500])
    run_in_process(settings, store)
    fill_lake(settings)
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
