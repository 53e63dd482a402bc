"""States that this version cannot read: nothing goes on over them, and a rebuild is the way out."""

from __future__ import annotations

import threading
from threading import Event as Flag
from typing import Any

import msgspec
from structlog.testing import capture_logs

from contracts.keys import StateKeys
from contracts.settings import Settings
from streaming.loop import Worker
from streaming.partitioning import partition_of
from streaming.rebuild import rebuild
from streaming.states import UnreadableState
from streaming.worker import open_parts
from tests.streaming.filling import drain
from tests.streaming.support import (
    caught_up,
    check_everything,
    make_events,
    redis_of,
    run_in_process,
    send,
    stored_state,
    total_offset,
    until,
)


def make_old(settings: Settings, profile_id: str) -> bytes:
    """Put a state of an earlier schema in the place of the profile's."""
    old = msgspec.msgpack.encode([1, 0, 0, 0])
    key = StateKeys(partition_of(profile_id, settings.kafka.partitions), settings.redis.key_prefix).state(profile_id)
    with redis_of(settings) as redis:
        redis.set(key, old)
    return old


def test_worker_waits_over_a_state_of_an_earlier_schema_and_goes_on_after_a_rebuild(
    settings: Settings, store: Any
) -> None:
    events = make_events(1_200, visitors=30, seed=91)
    send(settings, events[:800])
    run_in_process(settings, store)
    drain(settings)
    old = {event.profile_id: make_old(settings, event.profile_id) for event in events[800:]}
    folded = total_offset(settings)
    stopping = Flag()
    parts = open_parts(settings, store, stopping)
    send(settings, events[800:])
    with capture_logs() as said:
        thread = threading.Thread(target=Worker(parts).run, args=(stopping,))
        thread.start()
        try:
            until(lambda: _drops(said) > 1, what="the worker saying, and saying again, what is wrong")
            assert total_offset(settings) == folded
            assert {profile: stored_state(settings, profile) for profile in old} == old
            rebuild(settings, store=store)
            until(lambda: caught_up(settings), what="the same worker at Kafka's end")
        finally:
            stopping.set()
            thread.join()
            for part in (parts.source, parts.outbox, parts.items, parts.item_rows):
                part.close()
    check_everything(settings, store, events)


def _drops(said: list[Any]) -> int:
    reasons = [entry["reason"] for entry in said if entry.get("error") == UnreadableState.__name__]
    assert all("expected a UserState of schema 2, came schema 1" in reason for reason in reasons)
    assert all("clickloop rebuild" in reason for reason in reasons)
    return len(reasons)
