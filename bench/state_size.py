"""Bytes of a state after the demo's year, and Redis with a million such users: `python -m bench.state_size`."""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from redis import Redis

from bench.record import record
from contracts.lake import USER_DEMOGRAPHICS, USER_SEGMENTS
from contracts.settings import Settings, load_settings
from contracts.snapshot import Snapshot
from features.fold import fold
from features.state import UserState, encode_state, new_state
from privacy.pseudonym import Pseudonymizer
from stack.redis_server import RedisServer
from streaming.attributes import demographics_values, segment_names
from streaming.checkpoint import Checkpoint, Commit
from streaming.feature_rows import FeatureRows, OnlineRow
from streaming.history import purchase_events, read_purchases
from streaming.partitioning import partition_of

LIMIT_GIB = 4.0
USERS = 1_000_000
_STEPS = (100_000, 200_000, 500_000)
_BATCH = 5_000
_GIB = 1 << 30
_KEY = "a key that only this benchmark has"


class Sample(NamedTuple):
    """A demo customer's state and what the worker writes of it."""

    state: UserState
    payload: bytes
    demographics: dict[str, str | None]
    segments: list[str]


def run(settings: Settings, *, users: int = USERS) -> dict[str, Any]:
    """Encoded states of all demo customers, then `users` users with such states in an own Redis.

    Each user has what the worker keeps of one: the state's key and the rows of all three views. Floor: the
    states' own bytes, once.
    """
    samples = [_sample(state) for state in demo_states(settings)]
    sizes = np.array([len(sample.payload) for sample in samples])
    with _own_redis(settings) as own:
        steps, payload_bytes = _fill(own, samples, users)
    figure, floor = steps[-1]["used_gib"], payload_bytes / _GIB
    return {
        "bench": "state_size",
        "figure": figure,
        "unit": f"GiB of Redis for {users:,} users, their Feast rows included; at most {LIMIT_GIB:g}",
        "floor": round(floor, 3),
        "floor_unit": "GiB of the states' bytes alone, once",
        "ratio": round(figure / floor, 3),
        "details": {
            "users": users,
            "state_bytes": {
                "median": int(np.percentile(sizes, 50)),
                "p99": int(np.percentile(sizes, 99)),
                "mean": round(float(sizes.mean())),
                "most": int(sizes.max()),
                "customers": len(samples),
            },
            "redis": steps,
        },
    }


def demo_states(settings: Settings) -> list[UserState]:
    """The states of the demo's customers after the whole of its year, as the backfill folds it."""
    purchases = read_purchases(settings, datetime.now(UTC))
    states: dict[str, UserState] = {}
    for event in purchase_events(purchases, Pseudonymizer(_KEY)):
        profile = event.profile_id
        if profile not in states:
            states[profile] = new_state()
        fold(states[profile], event, lateness_us=settings.worker.lateness_s * 1_000_000)
    return list(states.values())


def _sample(state: UserState) -> Sample:
    return Sample(state, encode_state(state), demographics_values(state), segment_names(state))


@contextmanager
def _own_redis(settings: Settings) -> Iterator[Settings]:
    """`settings` with a Redis and a home that end with the block. It writes no file: memory is what is asked."""
    with tempfile.TemporaryDirectory(prefix="clickloop-bench-") as directory:
        home = Path(directory)
        redis = RedisServer(home / "redis")
        try:
            redis.start()
            client = Redis.from_url(redis.url)
            client.config_set("appendonly", "no")
            client.config_set("save", "")
            prefix = f"bench-{secrets.token_hex(3)}-"
            own_redis = settings.redis.model_copy(update={"url": redis.url, "key_prefix": prefix})
            yield settings.model_copy(update={"home": home, "redis": own_redis})
        finally:
            redis.kill()


def _fill(settings: Settings, samples: list[Sample], users: int) -> tuple[list[dict[str, Any]], int]:
    """Memory after each step, and the bytes of all states."""
    from feature_repo.store import apply

    redis = Redis.from_url(settings.redis.url)
    checkpoint, rows = Checkpoint(redis, prefix=settings.redis.key_prefix), FeatureRows(apply(settings))
    empty_bytes = _used_bytes(redis)
    chance = np.random.default_rng(5)
    pseudonymizer = Pseudonymizer(_KEY)
    chosen = ((pseudonymizer.user(str(n)), samples[chance.integers(len(samples))]) for n in range(users))
    stops = iter([*(step for step in _STEPS if step < users), users])
    stop, done, payload_bytes, steps = next(stops), 0, 0, []
    begin_s = time.perf_counter()
    while done < users:
        batch = list(islice(chosen, min(_BATCH, stop - done)))
        _write(settings, checkpoint, rows, batch)
        done += len(batch)
        payload_bytes += sum(len(sample.payload) for _, sample in batch)
        if done == stop:
            used = _used_bytes(redis) - empty_bytes
            steps.append(
                {
                    "users": done,
                    "used_gib": round(used / _GIB, 3),
                    "bytes_a_user": round(used / done),
                    "seconds": round(time.perf_counter() - begin_s, 1),
                }
            )
            stop = next(stops, users)
    return steps, payload_bytes


def _write(settings: Settings, checkpoint: Checkpoint, rows: FeatureRows, batch: list[tuple[str, Sample]]) -> None:
    rows.write_behavior(_snapshot(profile, sample) for profile, sample in batch)
    rows.write(USER_DEMOGRAPHICS, [OnlineRow(each, one.state.row_us, one.demographics) for each, one in batch])
    segments = [OnlineRow(each, one.state.row_us, {"segments": one.segments}) for each, one in batch]
    rows.write(USER_SEGMENTS, segments)
    states: dict[int, dict[str, bytes]] = {}
    for profile, sample in batch:
        states.setdefault(partition_of(profile, settings.kafka.partitions), {})[profile] = sample.payload
    checkpoint.commit([Commit(partition, "", "", some) for partition, some in states.items()])


def _snapshot(profile: str, sample: Sample) -> Snapshot:
    state = sample.state
    return Snapshot(profile, 0, 0, state.event_us, state.row_us, state.version, state.training, sample.payload)


def _used_bytes(redis: Redis) -> int:
    memory: Any = redis.info("memory")
    return int(memory["used_memory"])


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    users = int(sys.argv[1]) if len(sys.argv) > 1 else USERS
    result = run(load_settings(), users=users)
    if users == USERS:
        record(result, command="clickloop bench state-size --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
