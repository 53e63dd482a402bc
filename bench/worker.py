"""Events a second from Kafka to committed states, feature rows and history: `python -m bench.worker`."""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Event as Flag
from typing import Any

from bench.own_stack import own_stack
from bench.record import RESULTS, record
from bench.traffic import zipf_events
from contracts.event import decode_event, encode_event
from contracts.lanes import partition_for
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from features.fold import fold
from features.state import UserState, new_state
from streaming.consumer import open_consumer
from streaming.metrics import WorkerMetrics
from streaming.outbox import open_producer

USERS = 10_000
FLAME = RESULTS / "worker_flame.svg"
_IDLE_MS = 500


def run(
    settings: Settings, *, events: int = 100_000, watched: AbstractContextManager[object] | None = None
) -> dict[str, Any]:
    """One worker process on `events` events of 10,000 visitors by Zipf's law, all there when it starts.

    `watched` surrounds the worker's steps alone.
    Floor: the same events polled, decoded and folded in memory, nothing read or written.
    """
    with own_stack(settings) as own:
        _fill(own, events)
        poll_s = _consume(own, events, folding=False)
        fold_s = _consume(own, events, folding=True)
        worker_s, details = _work(own, events, watched or nullcontext())
    figure, floor = events / worker_s, events / fold_s
    return {
        "bench": "worker",
        "figure": round(figure),
        "unit": "events/s",
        "floor": round(floor),
        "floor_unit": "events/s polled, decoded and folded, nothing written",
        "ratio": round(figure / floor, 3),
        "details": {"events": events, "users": USERS, "poll_only_events_s": round(events / poll_s), **details},
    }


def _fill(settings: Settings, events: int) -> None:
    producer = open_producer(settings, linger_ms=20)
    topic = Topics(settings.kafka.topic_prefix).events
    for event in zipf_events(count=events, users=USERS, seed=7):
        place = partition_for(event.profile_id, event.type, settings.kafka.partitions)
        producer.send(topic, encode_event(event), key=event.profile_id.encode(), partition=place)
    producer.flush()
    producer.close()


def _consume(settings: Settings, events: int, *, folding: bool) -> float:
    group = f"{settings.kafka.topic_prefix}floor-{folding}"
    consumer = open_consumer(settings, group=group, max_records=settings.worker.poll_records)
    consumer.subscribe([Topics(settings.kafka.topic_prefix).events])
    states: dict[str, UserState] = {}
    seen, begin_s = 0, 0.0
    while seen < events:
        for records in consumer.poll(timeout_ms=_IDLE_MS).values():
            begin_s = begin_s or time.perf_counter()
            seen += len(records)
            for one in records if folding else ():
                event = decode_event(one.value)
                profile = event.profile_id
                state = states.get(profile)
                if state is None:
                    state = states[profile] = new_state()
                fold(state, event)
    took_s = time.perf_counter() - begin_s
    consumer.close(autocommit=False)
    return took_s


def _work(settings: Settings, events: int, watched: AbstractContextManager[object]) -> tuple[float, dict[str, Any]]:
    from feature_repo.store import apply
    from streaming.loop import Worker
    from streaming.memory import Memory
    from streaming.worker import open_parts

    parts = open_parts(settings, apply(settings), Flag())
    worker = Worker(parts)
    Memory()
    while not parts.source.positions:
        worker.step()
    with watched:
        before, begin_s, batches = _done(parts.metrics), time.perf_counter(), 0
        while _done(parts.metrics) < events:
            worker.step()
            batches += 1
        took_s = time.perf_counter() - begin_s
    parts.source.close()
    parts.outbox.close()
    return took_s * events / (events - before), {"batches": batches}


def _done(metrics: WorkerMetrics) -> float:
    samples = (sample for family in metrics.events.collect() for sample in family.samples)
    return sum(float(sample.value) for sample in samples if sample.name.endswith("_total"))


@contextmanager
def _profiled() -> Iterator[None]:
    """Count the calls within the block and print where its time goes."""
    with cProfile.Profile() as profiler:
        yield
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)


@contextmanager
def _drawn(path: Path) -> Iterator[None]:
    """Sample this process within the block and draw where its time goes. Raises RuntimeError where py-spy cannot."""
    command = [
        Path(sys.executable).with_name("py-spy"),
        "record",
        "--gil",
        "--function",
        "--rate",
        "200",
        "--output",
        path,
    ]
    sampler = Popen([*map(str, command), "--pid", str(os.getpid())], stdout=DEVNULL, stderr=PIPE)
    try:
        yield
    finally:
        sampler.send_signal(signal.SIGINT)
        _, said = sampler.communicate(timeout=60)
    if sampler.returncode:
        raise RuntimeError(f"py-spy: expected a drawing in {path}, came: {said.decode()}")
    # The title is the command line: where it ran is nobody's business.
    path.write_text(re.sub(r"(>)[^<>]*py-spy record[^<>]*", r"\1bench.worker --flame", path.read_text()))


def main() -> None:
    """Run, keep the result, print it as one line of JSON; `--flame` draws it instead, slower."""
    if "--flame" in sys.argv:
        print(json.dumps(run(load_settings(), watched=_drawn(FLAME))))
        return
    result = run(load_settings(), watched=_profiled() if "--profile" in sys.argv else None)
    record(result, command="clickloop bench worker --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
