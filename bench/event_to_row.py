"""Milliseconds from an event to its row in the online store, at a steady rate: `python -m bench.event_to_row`."""

from __future__ import annotations

import json
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Event as Flag
from typing import Any

from bench.own_stack import own_stack
from bench.record import record
from bench.straight_path import straight_path_ms
from bench.traffic import zipf_events
from contracts.event import Event, EventType, encode_event
from contracts.lanes import partition_for
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from stack.prove import percentile
from streaming.outbox import open_producer

EVENTS_S = 2_000
PROBES = 1_000
USERS = 10_000
_TICK_S = 0.005
_WARM_UP = 50
# A broker just started compiles its own code for most of a minute, with as much of the processor as all else together.
_WARM_UP_S = 45.0
_PAUSE_S = 0.01
# A look costs the worker's machine half a millisecond: looking all the time would be what is measured.
_LOOK_S = 0.002
_PATIENCE_S = 60.0


def run(settings: Settings, *, events_s: int = EVENTS_S, probes: int = PROBES) -> dict[str, Any]:
    """`probes` visitors send an event each, while a process sends `events_s` of others and a worker folds all.

    Both have done so for a while when the first probe is sent, as a stack in use has.

    Floor: in the same run and under the same traffic, one process sends an event to Kafka, waits for
    the acknowledgement, consumes it, writes it to Redis and reads it back.
    """
    with own_stack(settings) as own:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from feature_repo.store import apply

            store = apply(own)
        with _process(_work, own), _process(_flow, own, events_s):
            time.sleep(_WARM_UP_S)
            took_ms = _probe(own, store, probes)
            floor_ms = straight_path_ms(own, clicks=probes)
    figure, floor = percentile(took_ms, 0.99), percentile(floor_ms, 0.99)
    return {
        "bench": "event_to_row",
        "figure": round(figure, 2),
        "unit": f"ms from an event's sending to its row read from the online store, at {events_s} events/s, p99",
        "floor": round(floor, 2),
        "floor_unit": "ms from Kafka's producer through its consumer to a value read from Redis, same traffic, p99",
        "ratio": round(figure / floor, 2),
        "details": {
            "events_s": events_s,
            "probes": probes,
            "p50_ms": round(percentile(took_ms, 0.5), 2),
            "max_ms": round(max(took_ms), 2),
            "floor_p50_ms": round(percentile(floor_ms, 0.5), 2),
        },
    }


@contextmanager
def _process(work: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """`work` in a process of its own for the length of the block. Raises RuntimeError where it ended by itself."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments, daemon=True)
    process.start()
    try:
        yield
        if not process.is_alive():
            raise RuntimeError(f"expected {work.__name__} to go on, it ended with exit code {process.exitcode}")
    finally:
        process.kill()
        process.join()


def _work(settings: Settings) -> None:
    """A stream worker."""
    warnings.simplefilter("ignore")
    from feature_repo.store import open_store
    from streaming.loop import Worker
    from streaming.memory import Memory
    from streaming.worker import open_parts

    parts = open_parts(settings, open_store(settings), Flag())
    Worker(parts).run(Flag(), Memory())


def _flow(settings: Settings, events_s: int) -> None:
    """Send events at a steady rate, a few at a time, for ever."""
    producer, topic = open_producer(settings, compression_type=None), Topics(settings.kafka.topic_prefix).events
    events = [
        (_place(settings, event), event.profile_id.encode(), encode_event(event))
        for event in zipf_events(count=events_s * 30, users=USERS, seed=17)
    ]
    begin_s, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - begin_s) * events_s)
        for number in range(sent, due):
            place, key, value = events[number % len(events)]
            # Another id each time round: a repeat would be no work.
            fresh = value.replace(b'"m-17-', b'"r%d-' % (number // len(events)), 1)
            producer.send(topic, fresh, key=key, partition=place)
        sent = due
        time.sleep(_TICK_S)


def _place(settings: Settings, event: Event) -> int:
    return partition_for(event.profile_id, event.type, settings.kafka.partitions)


def _probe(settings: Settings, store: Any, probes: int) -> list[float]:
    """Milliseconds of each probe. Raises RuntimeError where a row does not come."""
    # As the collector sends them.
    producer = open_producer(settings, compression_type=None)
    send = partial(producer.send, Topics(settings.kafka.topic_prefix).events)
    took_ms = []
    for number in range(_WARM_UP + probes):
        event = Event(
            message_id=f"probe-{number}",
            anonymous_id=f"probe-{number}",
            type=EventType.CLICK,
            timestamp=datetime.now(UTC),
            item_id="item-1",
        )
        key, value = event.profile_id.encode(), encode_event(event)
        begin_s = time.perf_counter()
        send(value, key=key, partition=_place(settings, event))
        _wait_for_row(store, event.profile_id, begin_s)
        took_ms.append((time.perf_counter() - begin_s) * 1000)
        time.sleep(_PAUSE_S)
    producer.close()
    return took_ms[_WARM_UP:]


def _wait_for_row(store: Any, profile_id: str, begin_s: float) -> None:
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    view = store.get_feature_view("user_behavior")
    key = EntityKey(join_keys=view.join_keys, entity_values=[Value(string_val=profile_id)])
    online = store.provider.online_store
    while True:
        ((_, fields),) = online.online_read(store.config, view, [key], ["state"])
        if fields and fields["state"].bytes_val:
            return
        if time.perf_counter() - begin_s > _PATIENCE_S:
            raise RuntimeError(f"expected a row of {profile_id} within {_PATIENCE_S:.0f} s, none came")
        time.sleep(_LOOK_S)


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    result = run(load_settings())
    record(result, command="clickloop bench freshness --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
