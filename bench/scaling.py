"""What an event costs as workers and users grow: `python -m bench.scaling`."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import psutil
from redis import Redis

from bench.own_stack import OwnStack, own_servers
from bench.record import record
from bench.soak import Progress, Spawned, environment_of
from bench.traffic import zipf_events
from contracts.event import encode_event
from contracts.keys import StateKeys
from contracts.lanes import partition_for
from contracts.settings import Settings, load_settings
from contracts.snapshot import Snapshot
from contracts.topics import Topics
from features.fold import fold
from features.state import UserState, encode_state, new_state
from streaming.feature_rows import FeatureRows
from streaming.outbox import open_producer
from streaming.partitioning import partition_of

FEW, MANY = 10_000, 1_000_000
_TEMPLATES = 200
_ROWS = 2_000
_WARMING_EVENTS = 20_000
_STEADY_EVENTS_S, _STEADY_S, _TICK_S = (2_000, 10_000), 15, 0.005
_POLL_S = 0.1
_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Cost:
    """CPU microseconds an event, by whose they are."""

    workers: float
    redis: float
    broker: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.workers + self.redis + self.broker


def run(settings: Settings, *, events: int = 100_000, many: int = MANY, repeats: int = 2) -> dict[str, Any]:
    """The same number of events by Zipf's law through one worker and four, of 10,000 users and 1,000,000.

    Every user has a state and a row in Redis before the first event, so that a user whom the worker has not seen
    of late costs what it does in production. The workers are behind throughout, for the events are sent while they
    stand still: one that waits for events takes them in smaller batches, and its idleness would be charged to the
    events. Each case runs `repeats` times, in turn, after a warming that is not counted.

    The same users also at a steady 2,000 and 10,000 events/s, where batches are small and hardly any profile comes
    twice in one.

    One worker has a core to itself, four have not. What cores that are busy at once take from each other, on
    caches and clock, is in `control`: folding in memory in as many processes as there are cores, over one alone.
    """
    with own_servers(settings) as own:
        from feature_repo.store import apply

        rows = FeatureRows(apply(own.settings))
        costs: dict[str, list[Cost]] = {"one_worker": [], "four_workers": [], "many_users": []}
        steady: dict[tuple[int, int], list[Cost]] = {
            (users, rate): [] for users in (FEW, many) for rate in _STEADY_EVENTS_S
        }
        _preload(own, rows, range(FEW))
        for seed in range(repeats):
            for name, workers in (("one_worker", 1), ("four_workers", 4)):
                costs[name].append(_measure(own, workers=workers, users=FEW, events=events, seed=seed))
            for rate in _STEADY_EVENTS_S:
                steady[FEW, rate].append(_steadily(own, users=FEW, events_s=rate, seed=seed))
        _preload(own, rows, range(FEW, many))
        for seed in range(repeats):
            costs["many_users"].append(_measure(own, workers=1, users=many, events=events, seed=seed))
            for rate in _STEADY_EVENTS_S:
                steady[many, rate].append(_steadily(own, users=many, events_s=rate, seed=seed))
        memory = _redis_bytes(own.settings)
    alone, together = (min(_folding_us(processes) for _ in range(3)) for processes in (1, os.cpu_count() or 1))
    one, four, more = (min(each.total for each in costs[name]) for name in costs)
    calm = {case: min(each.total for each in found) for case, found in steady.items()}
    return {
        "bench": "scaling",
        "figure": round(four, 1),
        "unit": "CPU microseconds of workers, Redis and broker an event, four workers",
        "floor": round(one, 1),
        "floor_unit": "the same with one worker",
        "ratio": round(four / one, 3),
        "details": {
            "events": events,
            "growth_to_four_workers": round(four / one - 1, 3),
            "control": round(together / alone - 1, 3),
            f"growth_to_{many}_users": round(more / one - 1, 3),
            **{
                f"growth_to_{many}_users_at_{rate}_events_s": round(calm[many, rate] / calm[FEW, rate] - 1, 3)
                for rate in _STEADY_EVENTS_S
            },
            "profiles_per_batch": {str(users): round(_profiles(users, settings)) for users in (FEW, many)},
            "redis_bytes_at_the_end": memory,
            **{name: [_shown(each) for each in found] for name, found in costs.items()},
            **{
                f"{users}_users_at_{rate}_events_s": [_shown(each) for each in found]
                for (users, rate), found in steady.items()
            },
        },
    }


def _shown(cost: Cost) -> dict[str, float]:
    parts = {"workers_us": cost.workers, "redis_us": cost.redis, "broker_us": cost.broker, "total_us": cost.total}
    return {name: round(value, 1) for name, value in parts.items()}


def _measure(own: OwnStack, *, workers: int, users: int, events: int, seed: int) -> Cost:
    progress = Progress(own.settings)
    with _running(own.settings, workers) as processes:
        warming = _made(own.settings, users=users, events=_WARMING_EVENTS, seed=100 + seed)
        _fold(progress, _send(own.settings, progress, warming))
        measured = _made(own.settings, users=users, events=events, seed=seed)
        before = _cpu_s(processes)
        # For less than the time after which their group would miss them.
        with ExitStack() as stack:
            for process in processes:
                stack.enter_context(process.paused())
            ends = _send(own.settings, progress, measured)
        _fold(progress, ends)
        after = _cpu_s(processes)
    progress.close()
    return _cost(before, after, events)


def _steadily(own: OwnStack, *, users: int, events_s: int, seed: int) -> Cost:
    """One worker under as many events a second as it has time for."""
    progress = Progress(own.settings)
    events = events_s * _STEADY_S
    with _running(own.settings, 1) as processes:
        warming = _made(own.settings, users=users, events=_WARMING_EVENTS, seed=200 + seed)
        _fold(progress, _send(own.settings, progress, warming))
        _wait(progress.shown, "the rows of the warming")
        measured = _made(own.settings, users=users, events=events, seed=300 + seed)
        before = _cpu_s(processes)
        _fold(progress, _send(own.settings, progress, measured, events_s=events_s))
        after = _cpu_s(processes)
    progress.close()
    return _cost(before, after, events)


def _cost(before: Sequence[float], after: Sequence[float], events: int) -> Cost:
    """Of `_cpu_s` before and after so many events."""
    return Cost(*((end - begin) / events * 1e6 for begin, end in zip(before, after, strict=True)))


@contextmanager
def _running(settings: Settings, workers: int) -> Iterator[list[Spawned]]:
    started = []
    try:
        for number in range(workers):
            instance = {"CLICKLOOP_WORKER_INSTANCE": f"worker-{number}"}
            started.append(Spawned(settings, "streaming.worker", environment_of(settings) | instance))
        # None may still be on its way into the group, or into memory, while the others are measured.
        _wait(lambda: all(each.has_logged("partitions placed") for each in started), f"{workers} workers at work")
        yield started
    finally:
        for process in started:
            process.kill()


def _made(settings: Settings, *, users: int, events: int, seed: int) -> list[tuple[int, bytes, bytes]]:
    """Partition, key and value of new events."""
    homes = settings.kafka.partitions
    return [
        (partition_for(event.profile_id, event.type, homes), event.profile_id.encode(), encode_event(event))
        for event in zipf_events(count=events, users=users, seed=time.time_ns() + seed)
    ]


def _send(
    settings: Settings, progress: Progress, records: Sequence[tuple[int, bytes, bytes]], *, events_s: int = 0
) -> dict[int, int]:
    """Put records into Kafka, at a rate where one is given; where it then ends."""
    producer = open_producer(settings, linger_ms=0 if events_s else 20)
    topic = Topics(settings.kafka.topic_prefix).events
    begin_s = time.monotonic()
    for number, (place, key, value) in enumerate(records):
        while events_s and number > (time.monotonic() - begin_s) * events_s:
            time.sleep(_TICK_S)
        producer.send(topic, value, key=key, partition=place)
    producer.flush()
    producer.close()
    return progress.ends()


def _fold(progress: Progress, ends: dict[int, int]) -> None:
    """Wait until all up to there is in the states. Raises TimeoutError."""
    _wait(lambda: progress.reached(ends), "the workers at Kafka's end")


def _profiles(users: int, settings: Settings) -> float:
    """How many profiles a full batch is of."""
    records = settings.worker.poll_records
    people = [event.profile_id for event in zipf_events(count=20 * records, users=users, seed=3)]
    return sum(len(set(people[begin : begin + records])) for begin in range(0, len(people), records)) / 20


def _folding_us(processes: int) -> float:
    """CPU microseconds an event to fold in memory, in so many processes at once."""
    # This process has had threads, of which a fork could inherit a lock.
    with get_context("spawn").Pool(processes) as pool:
        return sum(pool.map(_folding_alone_us, range(processes), chunksize=1)) / processes


def _folding_alone_us(seed: int) -> float:
    events = list(zipf_events(count=_WARMING_EVENTS, users=FEW, seed=seed))
    states: defaultdict[str, UserState] = defaultdict(new_state)
    begin_s = time.process_time()
    for event in events:
        state = states[event.profile_id]
        fold(state, event)
        encode_state(state)
    return (time.process_time() - begin_s) / len(events) * 1e6


def _wait(true: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not true():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"never came: {what}")
        time.sleep(_POLL_S)


def _cpu_s(workers: Sequence[Spawned]) -> tuple[float, float, float]:
    """CPU seconds so far of the workers, of Redis and of the broker."""
    below = psutil.Process().children(recursive=True)
    # A child of Redis' own rewrites its file now and then; it is not the server.
    redis = [each for each in below if _is(each, "redis-server") and not _is(each.parent(), "redis-server")]
    broker = [each for each in below if _is(each, "java") and "kafka.Kafka" in each.cmdline()]
    if (len(redis), len(broker)) != (1, 1):
        raise RuntimeError(f"expected one Redis and one broker, came {redis} and {broker}")
    servers = [sum(each.cpu_times()[:2]) for each in (*redis, *broker)]
    return sum(each.cpu_s for each in workers), servers[0], servers[1]


def _is(process: psutil.Process | None, name: str) -> bool:
    return process is not None and process.name().startswith(name)


def _preload(own: OwnStack, rows: FeatureRows, users: range) -> None:
    """A state and a row for each user; the append-only file is made anew afterwards instead of growing by each."""
    settings = own.settings
    templates = [(state, encode_state(state)) for state in _templates()]
    with Redis.from_url(settings.redis.url) as redis:
        redis.config_set("appendonly", "no")
        # Made anew below; in a measurement it would be a matter of luck.
        redis.config_set("auto-aof-rewrite-percentage", "0")
        for first in range(users.start, users.stop, _ROWS):
            some = range(first, min(first + _ROWS, users.stop))
            snapshots = [_snapshot(settings, user, *templates[user % _TEMPLATES]) for user in some]
            states = {
                StateKeys(one.partition, settings.redis.key_prefix).state(one.profile_id): one.state
                for one in snapshots
            }
            redis.mset(states)
            rows.write_behavior(snapshots)
        redis.config_set("appendonly", "yes")
        while redis.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(_POLL_S)


def _templates() -> list[UserState]:
    """States of users with five to some hundred events, an hour ago."""
    states = [new_state() for _ in range(_TEMPLATES)]
    for event in zipf_events(count=_TEMPLATES * 40, users=_TEMPLATES, seed=5, span_s=2 * 3600.0):
        fold(states[int(str(event.anonymous_id).rsplit("-", 1)[1])], event)
    return states


def _snapshot(settings: Settings, user: int, state: UserState, payload: bytes) -> Snapshot:
    profile_id = f"visitor-{user:08d}"
    return Snapshot(
        profile_id=profile_id,
        partition=partition_of(profile_id, settings.kafka.partitions),
        offset=-1,
        event_us=state.event_us,
        row_us=state.row_us,
        version=state.version,
        training=state.training,
        state=payload,
    )


def _redis_bytes(settings: Settings) -> int:
    with Redis.from_url(settings.redis.url) as redis:
        return int(redis.info("memory")["used_memory"])


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    result = run(load_settings())
    record(result, command="clickloop bench scaling --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
