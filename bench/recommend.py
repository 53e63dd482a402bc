"""Milliseconds of a recommendation over HTTP, beside an empty BentoML handler: `python -m bench.recommend`."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from secrets import token_hex
from typing import Any

import numpy as np
from pydantic import SecretStr

from bench.own_stack import own_stack
from bench.random_model import write_random_model
from bench.record import record
from bench.traffic import zipf_events
from contracts.settings import SecretsSettings, Settings, load_settings
from contracts.snapshot import Snapshot
from features.fold import fold
from features.state import UserState, encode_state, new_state
from privacy.pseudonym import Pseudonymizer
from stack.environment import server_variables
from stack.ports import LOOPBACK, free_port

ITEMS, CATEGORIES, VISITORS = 4000, 20, 400
EVENTS_A_VISITOR = 120
K = 10
BLOCK = 200
START_S = 120.0
ROWS_A_WRITE = 500


def run(settings: Settings, *, requests: int = 4000) -> dict[str, Any]:
    """`requests` known visitors with full histories ask in turn over one connection, k = 10 of 4,000 items.

    Floor: as many requests to an empty BentoML handler over one connection, in turns of 200 with the others.
    """
    with own_stack(settings) as servers, ExitStack() as stack:
        own = servers.model_copy(update={"secrets": SecretsSettings(pseudonym_key=SecretStr(token_hex(32)))})
        write_random_model(own, items=ITEMS, categories=CATEGORIES, seed=3)
        visitors = _write_visitors(own)
        service = stack.enter_context(_service(own))
        empty = stack.enter_context(_process([sys.executable, "-m", "bench.empty_service"], {}, "/livez"))
        bodies = [json.dumps({"anonymous_id": visitor, "k": K}).encode() for visitor in visitors]
        _timed(service, "/recommend", bodies, BLOCK)
        _timed(empty, "/empty", [b"{}"], BLOCK)
        took_ms: list[float] = []
        floor_ms: list[float] = []
        answers: list[dict[str, Any]] = []
        for _ in range(requests // BLOCK):
            took_ms += _timed(service, "/recommend", bodies, BLOCK, answers.append)
            floor_ms += _timed(empty, "/empty", [b"{}"], BLOCK)
    return _result(took_ms, floor_ms, answers)


def _result(took_ms: list[float], floor_ms: list[float], answers: list[dict[str, Any]]) -> dict[str, Any]:
    wrong = [answer for answer in answers if answer["source"] != "model" or answer["degraded"]]
    if wrong:
        raise RuntimeError(f"expected every answer from the model, came {len(wrong)} others, the first {wrong[0]}")
    p50, p99 = np.percentile(took_ms, [50, 99])
    floor_p50, floor_p99 = np.percentile(floor_ms, [50, 99])
    stages = {
        stage: round(float(np.median([answer["timings_ms"][stage] for answer in answers])), 3)
        for stage in answers[0]["timings_ms"]
    }
    return {
        "bench": "recommend",
        "figure": round(float(p50), 2),
        "unit": "ms of POST /recommend over one HTTP connection, p50",
        "floor": round(float(floor_p50), 2),
        "floor_unit": "ms of an empty BentoML handler over one HTTP connection, p50",
        "ratio": round(float(p50 / floor_p50), 2),
        "details": {
            "p99_ms": round(float(p99), 2),
            "floor_p99_ms": round(float(floor_p99), 2),
            "requests": len(took_ms),
            "k": K,
            "items": ITEMS,
            "visitors": VISITORS,
            "events_a_visitor": EVENTS_A_VISITOR,
            "feature_values": len(answers[0]["features"]),
            "stages_p50_ms": stages,
        },
    }


def _write_visitors(settings: Settings) -> list[str]:
    """Visitors with histories longer than a state keeps, in Feast's online store. Returns their own ids."""
    from feature_repo.store import apply
    from streaming.feature_rows import FeatureRows

    pseudonymizer = Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value())
    states: dict[str, UserState] = {}
    for event in zipf_events(
        count=VISITORS * EVENTS_A_VISITOR, users=VISITORS, seed=5, exponent=0.0, span_s=30 * 86_400.0
    ):
        fold(states.setdefault(event.profile_id, new_state()), event)
    rows = [
        Snapshot(
            pseudonymizer.anonymous(visitor),
            0,
            0,
            state.event_us,
            state.row_us,
            state.version,
            state.training,
            encode_state(state),
        )
        for visitor, state in states.items()
    ]
    writer = FeatureRows(apply(settings))
    for first in range(0, len(rows), ROWS_A_WRITE):
        writer.write_behavior(rows[first : first + ROWS_A_WRITE])
    return list(states)


def _timed(
    port: int, path: str, bodies: list[bytes], count: int, keep: Callable[[dict[str, Any]], None] | None = None
) -> list[float]:
    """Milliseconds of each of `count` requests in turn. Raises RuntimeError at an answer other than 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took_ms: list[float] = []
    for number in range(count):
        began = time.perf_counter()
        connection.request("POST", path, bodies[number % len(bodies)], {"content-type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        took_ms.append((time.perf_counter() - began) * 1e3)
        if response.status != 200:
            raise RuntimeError(f"expected 200 from {path}, came {response.status}: {content[:300]!r}")
        if keep is not None:
            keep(json.loads(content))
    connection.close()
    return took_ms


@contextmanager
def _service(settings: Settings) -> Iterator[int]:
    """The service as `clickloop up` starts it. Yields its port."""
    environment = {
        **server_variables(settings),
        "CLICKLOOP_SECRETS_PSEUDONYM_KEY": settings.secrets.pseudonym_key.get_secret_value(),
    }
    with _process([sys.executable, "-m", "serving"], environment, "/health") as port:
        yield port


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], ready: str) -> Iterator[int]:
    """A server on a free port, told to it by variable and argument. Raises RuntimeError where it never answers."""
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    process = subprocess.Popen(
        [*command, str(port)],
        env={**inherited, **environment, "CLICKLOOP_SERVING_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_S
        while not _answers(port, ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"expected {' '.join(command)} to answer {ready}, it did not within {START_S} s")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    result = run(load_settings())
    record(result, command="clickloop bench recommend --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
