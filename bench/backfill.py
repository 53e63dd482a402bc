"""Events a second from nothing to states, online rows and history, without Kafka: `python -m bench.backfill`."""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.own_stack import own_stack
from bench.record import record
from bench.traffic import zipf_events
from contracts.event import Event
from contracts.settings import Settings, load_settings
from features.fold import fold
from features.state import UserState, new_state
from streaming.backfill import backfill

USERS = 20_000


def run(settings: Settings, *, events: int = 500_000, profile: bool = False) -> dict[str, Any]:
    """`events` events of 20,000 visitors over 90 days. Floor: the same events folded in memory."""
    from feature_repo.store import apply

    with own_stack(settings) as own:
        store = apply(own)
        fold_s = _fold(list(_events(events)))
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        begin_s = time.perf_counter()
        written = backfill(own, _events(events), total=events, store=store)
        took_s = time.perf_counter() - begin_s
        if profile:
            profiler.disable()
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    figure, floor = events / took_s, events / fold_s
    return {
        "bench": "backfill",
        "figure": round(figure),
        "unit": "events/s",
        "floor": round(floor),
        "floor_unit": "events/s folded in memory",
        "ratio": round(figure / floor, 3),
        "details": {
            "events": events,
            "seconds": round(took_s, 1),
            "profiles": written.profiles,
            "history_rows": written.snapshots,
        },
    }


def _events(count: int) -> Iterator[Event]:
    return zipf_events(count=count, users=USERS, seed=11, span_s=90 * 86_400.0)


def _fold(events: list[Event]) -> float:
    begin_s = time.perf_counter()
    states: dict[str, UserState] = {}
    for event in events:
        profile = event.profile_id
        state = states.get(profile)
        if state is None:
            state = states[profile] = new_state()
        fold(state, event)
    return time.perf_counter() - begin_s


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    result = run(load_settings(), profile="--profile" in sys.argv)
    record(result, command="clickloop bench backfill --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
