"""Milliseconds from a click to a changed recommendation, beside other traffic: `python -m bench.freshness`."""

from __future__ import annotations

import base64
import json
from typing import Any

from bench.background import background
from bench.event_to_row import run as event_to_row
from bench.http_load import Load
from bench.record import record
from bench.straight_path import straight_path_ms
from contracts.settings import Settings, load_settings
from stack.prove import percentile, prove
from stack.running import running_stack

TRAFFIC_EVENTS_S = 100.0
LONGEST_S = 600


def run(settings: Settings, *, visitors: int = 300) -> dict[str, Any]:
    """`visitors` click in turn over HTTP while 100 events/s of others flow through the same stack.

    Floor: in the same run, one process sends an event of the same size to Kafka, waits for the
    acknowledgement, consumes it, writes it to Redis and reads it back: no HTTP, no features, no model.
    Beside it, on servers of its own, the way from Kafka to the online row at 2,000 events/s.
    """
    with running_stack(settings), background(_traffic(settings), events_s=TRAFFIC_EVENTS_S):
        proof = prove(settings, visitors=visitors)
        floor = straight_path_ms(settings, clicks=visitors)
    floor_p50_ms = percentile(floor, 0.5)
    row = event_to_row(settings)
    return {
        "bench": "freshness",
        "figure": proof["p50_ms"],
        "unit": "ms from click to changed recommendation, p50",
        "floor": round(floor_p50_ms, 2),
        "floor_unit": "ms from Kafka's producer through its consumer to a value read from Redis, one process, p50",
        "ratio": round(proof["p50_ms"] / floor_p50_ms, 2),
        "details": {
            **proof,
            "floor_p99_ms": round(percentile(floor, 0.99), 2),
            "traffic_events_s": TRAFFIC_EVENTS_S,
            "event_to_row": {name: row[name] for name in ("figure", "unit", "floor", "floor_unit", "ratio", "details")},
        },
    }


def _traffic(settings: Settings) -> Load:
    key = settings.secrets.write_key.get_secret_value()
    return Load(
        port=settings.collector.port,
        authorization="Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        events=int(LONGEST_S * TRAFFIC_EVENTS_S),
        batch=0,
        connections=1,
        seed=11,
    )


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    result = run(load_settings())
    record(result, command="clickloop bench freshness --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
