"""States that this version cannot read: nothing goes on over them, and a rebuild is the way out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from contracts.keys import StateKeys
from contracts.settings import Settings
from streaming.partitioning import partition_of
from streaming.rebuild import rebuild
from streaming.states import UnreadableState
from tests.streaming.support import (
    WorkerProcess,
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
from tests.streaming.test_rebuild import fill_lake


def make_old(settings: Settings, profile_id: str) -> bytes:
    """Put a state of an earlier schema in the place of the profile's."""
    old = msgspec.msgpack.encode([1, 0, 0, 0])
    key = StateKeys(partition_of(profile_id, settings.kafka.partitions), settings.redis.key_prefix).state(profile_id)
    with redis_of(settings) as redis:
        redis.set(key, old)
    return old


def test_worker_waits_over_a_state_of_an_earlier_schema_and_goes_on_after_a_rebuild(
    settings: Settings, store: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    events = make_events(1_200, visitors=30, seed=91)
    send(settings, events[:800])
    run_in_process(settings, store)
    fill_lake(settings)
    old = {event.profile_id: make_old(settings, event.profile_id) for event in events[800:]}
    folded = total_offset(settings)
    worker = WorkerProcess(settings)
    send(settings, events[800:])
    said = ""

    def told() -> bool:
        nonlocal said
        said += "".join(capfd.readouterr())
        return said.count("clickloop rebuild") > 1

    until(told, what="the worker saying, and saying again, what is wrong")
    assert "expected a UserState of schema 2, came schema 1" in said
    assert UnreadableState.__name__ in said
    assert total_offset(settings) == folded
    assert {profile: stored_state(settings, profile) for profile in old} == old
    rebuild(settings, store=store)
    until(lambda: caught_up(settings), what="the same worker at Kafka's end")
    worker.kill()
    check_everything(settings, store, events)
