"""Events a second from HTTP to Kafka's acknowledgement: `python -m bench.collector`."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from kafka import KafkaProducer

from bench.http_load import Load, Outcome, messages
from bench.own_stack import own_stack
from bench.record import record
from collector.app import utc_now
from collector.convert import Envelope, convert
from collector.sealed import Record, Sealer
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from privacy.pseudonym import Pseudonymizer
from stack.environment import server_variables
from stack.ports import LOOPBACK, answers, free_port

CONNECTIONS = 4
BATCHES = (50, 1000)
_KEY = "bench-write-key"
_PSEUDONYM_KEY = "a key for nobody but this benchmark"
_READY_TIMEOUT_S = 30.0


def run(settings: Settings, *, events: int = 60_000, clicks: int = 2_000) -> dict[str, Any]:
    """One collector process under four keep-alive connections of another process; figure: batches of 50.

    Floor: kafka-python alone sends the very records, acks=all, as many batches unacknowledged at a time.
    """
    cases: dict[str, Any] = {}
    load_average = round(os.getloadavg()[0], 1)
    with own_stack(settings) as own, _collector(own) as (port, process):
        _load(port, events=4_000, batch=50, connections=CONNECTIONS, seed=1)
        single = _load(port, events=clicks, batch=0, connections=1, seed=2)
        for batch in BATCHES:
            before_s = _cpu_s(process)
            outcome = _load(port, events=events, batch=batch, connections=CONNECTIONS, seed=batch)
            cpu_s = _cpu_s(process) - before_s
            floor = _floor(own, events=events, batch=batch, seed=batch)
            figure = outcome.events / outcome.seconds
            cases[f"batches_of_{batch}"] = {
                "events_s": round(figure),
                "raw_kafka_events_s": round(floor),
                "ratio": round(figure / floor, 3),
                "collector_cpu_us_per_event": round(cpu_s / events * 1e6, 1),
                "request_p50_ms": outcome.p50_ms,
                "request_p99_ms": outcome.p99_ms,
            }
    main_case = cases["batches_of_50"]
    return {
        "bench": "collector",
        "figure": main_case["events_s"],
        "unit": "events/s in batches of 50",
        "floor": main_case["raw_kafka_events_s"],
        "floor_unit": "events/s of kafka-python alone, same records and batches, acks=all",
        "ratio": main_case["ratio"],
        "details": {
            "events": events,
            "connections": CONNECTIONS,
            "load_average_before": load_average,
            **cases,
            "single_click": {"clicks": clicks, "p50_ms": single.p50_ms, "p99_ms": single.p99_ms},
        },
    }


@contextmanager
def _collector(settings: Settings) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    environment = {
        **os.environ,
        **server_variables(settings),
        "CLICKLOOP_COLLECTOR_PORT": str(port),
        "CLICKLOOP_SECRETS_WRITE_KEY": _KEY,
        "CLICKLOOP_SECRETS_PSEUDONYM_KEY": _PSEUDONYM_KEY,
    }
    log = Path(settings.home) / "collector.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "collector"], cwd=settings.project, env=environment, stderr=errors
        )
    try:
        _wait_ready(process, port, log)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=_READY_TIMEOUT_S)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _wait_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while not (answers(port) and b"kafka_connected" in log.read_bytes()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"expected the collector to be ready, came: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _load(port: int, *, events: int, batch: int, connections: int, seed: int) -> Outcome:
    authorization = f"Basic {base64.b64encode(f'{_KEY}:'.encode()).decode()}"
    load = Load(port, authorization, events, batch, connections, seed)
    finished = subprocess.run(
        [sys.executable, "-m", "bench.http_load", json.dumps(asdict(load))],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    return Outcome(**json.loads(finished.stdout))


def _floor(settings: Settings, *, events: int, batch: int, seed: int) -> float:
    sealer, topic = Sealer(Pseudonymizer(_PSEUDONYM_KEY)), Topics(settings.kafka.topic_prefix).events
    envelope = Envelope(utc_now())
    sealed = [sealer.seal(event, topic) for raw in messages(events, seed=seed) for event in convert(raw, envelope)]
    producer = KafkaProducer(
        bootstrap_servers=f"{LOOPBACK}:{settings.kafka.bootstrap.rpartition(':')[2]}",
        acks="all",
        enable_idempotence=True,
        batch_size=128 * 1024,
    )
    producer.partitions_for(topic)
    began = time.perf_counter()
    _produce(producer, sealed, batch)
    seconds = time.perf_counter() - began
    producer.close()
    return events / seconds


def _produce(producer: KafkaProducer, sealed: list[Record], batch: int) -> None:
    unacknowledged: deque[list[Any]] = deque()
    for first in range(0, len(sealed), batch):
        if len(unacknowledged) == CONNECTIONS:
            for future in unacknowledged.popleft():
                future.get(30)
        unacknowledged.append([producer.send(one.topic, one.value, one.key) for one in sealed[first : first + batch]])
    for futures in unacknowledged:
        for future in futures:
            future.get(30)


def main() -> None:
    """Run with the settings of the environment, keep the result and print it."""
    result = run(load_settings())
    record(result, command="clickloop bench collector --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
