"""Seconds to make all states and online rows anew from the lake, and to take over: `python -m bench.rebuild`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from bench.own_stack import own_stack
from bench.record import record
from bench.traffic import zipf_events
from contracts.event import Event, EventType, encode_event
from contracts.lake import EVENTS, NO_OFFSET, open_table
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from features.fold import fold
from features.state import UserState, new_state
from streaming.lake_rows import Placed, event_rows
from streaming.outbox import open_producer

USERS = 20_000
_LOGIN_EVERY = 50
_PIECE = 50_000
_FOLLOWED = 10_000


def run(settings: Settings, *, events: int = 1_000_000) -> dict[str, Any]:
    """`events` events of 20,000 visitors over 90 days, one in fifty a login, and 10,000 more to follow in Kafka.

    Floor: the same events folded in memory by one process, nothing read, decoded or written.
    """
    from feature_repo.store import apply
    from streaming.rebuild import rebuild

    with own_stack(settings) as own:
        store = apply(own)
        fold_s = _fill(own, events)
        _send(own)
        begin_s = time.perf_counter()
        rebuilt = rebuild(own, store=store)
        took_s = time.perf_counter() - begin_s
    return {
        "bench": "rebuild",
        "figure": round(took_s, 1),
        "unit": f"s for {events:,} events",
        "floor": round(fold_s, 1),
        "floor_unit": "s to fold the same events in memory in one process",
        "ratio": round(took_s / fold_s, 3),
        "details": {
            "events": rebuilt.events,
            "followed": _FOLLOWED,
            "profiles": rebuilt.profiles,
            "events_s": round(rebuilt.events / took_s),
            "stages_s": rebuilt.seconds,
        },
    }


def _fill(settings: Settings, events: int) -> float:
    """Lay the events into the lake; seconds that their fold took."""
    table = open_table(settings, EVENTS)
    states: dict[str, UserState] = {}
    fold_s = 0.0
    stream = _events(events)
    while piece := list(islice(stream, _PIECE)):
        table.append(event_rows([Placed(NO_OFFSET, NO_OFFSET, event) for event in piece]))
        begin_s = time.perf_counter()
        for event in piece:
            state = states.get(event.profile_id)
            if state is None:
                state = states[event.profile_id] = new_state()
            fold(state, event)
        fold_s += time.perf_counter() - begin_s
    return fold_s


def _events(count: int) -> Iterator[Event]:
    for number, event in enumerate(zipf_events(count=count, users=USERS, seed=13, span_s=90 * 86_400.0)):
        if number % _LOGIN_EVERY == 0:
            event.type, event.item_id, event.price = EventType.IDENTIFY, None, None
            event.user_id = f"user-{event.anonymous_id}"
            event.properties = {"plan": "gold"}
        yield event


def _send(settings: Settings) -> None:
    producer = open_producer(settings, linger_ms=20)
    topic = Topics(settings.kafka.topic_prefix).events
    for event in zipf_events(count=_FOLLOWED, users=USERS, seed=14, span_s=600.0):
        event.timestamp += timedelta(seconds=1)
        producer.send(topic, encode_event(event), key=event.profile_id.encode())
    producer.flush()
    producer.close()


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    result = run(load_settings(), events=events)
    if events == 1_000_000:
        record(result, command="clickloop bench rebuild --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
