"""`clickloop top`: the streams as they run, from what the processes count."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from contracts.settings import Settings, load_settings
from stack.errors import StackError
from stack.readings import Reading, Samples, addresses, quantile, read, total
from stack.up import interruptible

# Outcomes of the worker's that have a column of their own, by their heading.
_OUTCOMES = {"late": "late", "duplicate": "duplicate", "rejected": "poison", "sampled": "sampled"}
_DELAY = "clickloop_worker_event_to_feature_seconds"
_SIZE = "clickloop_worker_state_bytes"


def figures(now: Reading, before: Reading | None) -> dict[str, Any]:
    """What `clickloop top --json` prints. Rates and delays are of the time since `before`, where there is one."""
    passed_s = None if before is None else max(1e-9, now.at_s - before.at_s)
    earlier = {} if before is None else before.processes
    workers = {
        name: _worker(samples, earlier.get(name), passed_s)
        for name, samples in now.processes.items() if name.startswith("worker") and samples is not None
    }  # fmt: skip
    found: dict[str, Any] = {"workers": workers}
    describe = {"lake": _lake, "collector": _collector, "serving": _serving}
    for name, described in describe.items():
        samples = now.processes.get(name)
        if samples is not None:
            found[name] = described(samples, earlier.get(name), passed_s)
    found["silent"] = sorted(name for name, samples in now.processes.items() if samples is None)
    return found


def _worker(samples: Samples, before: Samples | None, passed_s: float | None) -> dict[str, Any]:
    events = "clickloop_worker_events_total"
    lag = {
        labels["partition"]: {"lane": labels["lane"], "lag": int(value)}
        for pairs, value in samples.get("clickloop_worker_lag_events", {}).items()
        for labels in (dict(pairs),)
    }
    found: dict[str, Any] = {
        "lag": sum(one["lag"] for one in lag.values()),
        "partitions": dict(sorted(lag.items(), key=lambda pair: int(pair[0]))),
        "events": int(total(samples, events)),
        "events_s": _rate(samples, before, events, passed_s),
        "delay_p50_ms": _ms(quantile(samples, _DELAY, 0.5, before)),
        "delay_p99_ms": _ms(quantile(samples, _DELAY, 0.99, before)),
    }
    for heading, outcome in _OUTCOMES.items():
        found[heading] = int(total(samples, events, outcome=outcome))
    found["bot"] = int(total(samples, "clickloop_worker_bot_events_total"))
    found["state_bytes_p50"] = _finite(quantile(samples, _SIZE, 0.5))
    found["state_bytes_p99"] = _finite(quantile(samples, _SIZE, 0.99))
    found["conflicts"] = int(total(samples, "clickloop_worker_commit_conflicts_total"))
    found["retries"] = int(total(samples, "clickloop_worker_retries_total"))
    return found


def _lake(samples: Samples, before: Samples | None, passed_s: float | None) -> dict[str, Any]:
    lag = samples.get("clickloop_lake_lag_records", {})
    return {
        "lag": {dict(labels)["topic"]: int(value) for labels, value in lag.items()},
        "rows_s": _rate(samples, before, "clickloop_lake_rows_total", passed_s),
        "rows": int(total(samples, "clickloop_lake_rows_total")),
        "retries": int(total(samples, "clickloop_lake_retries_total")),
    }


def _collector(samples: Samples, before: Samples | None, passed_s: float | None) -> dict[str, Any]:
    written = "clickloop_collector_events_written_total"
    return {
        "events_s": _rate(samples, before, written, passed_s),
        "written": int(total(samples, written)),
        "rejected": int(total(samples, "clickloop_collector_events_rejected_total")),
        "ack_p99_ms": _ms(quantile(samples, "clickloop_collector_ack_seconds", 0.99, before)),
    }


def _serving(samples: Samples, before: Samples | None, passed_s: float | None) -> dict[str, Any]:
    answers = "clickloop_serving_requests_total"
    return {
        "answers_s": _rate(samples, before, answers, passed_s),
        "answers": int(total(samples, answers)),
        "degraded": int(total(samples, "clickloop_serving_degraded_total")),
    }


def _rate(samples: Samples, before: Samples | None, name: str, passed_s: float | None) -> float | None:
    if before is None or passed_s is None:
        return None
    return round(max(0.0, total(samples, name) - total(before, name)) / passed_s, 1)


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value


def _ms(value_s: float | None) -> float | None:
    """Milliseconds; None for nothing observed or beyond every bucket."""
    value = _finite(value_s)
    return None if value is None else round(value * 1000, 3)


def frame(found: dict[str, Any]) -> Group:
    """One picture of the figures."""
    workers = Table(title="Workers", title_justify="left")
    names = ["events_s", "lag", "delay_p50_ms", "delay_p99_ms", "late", "duplicate", "rejected", "bot", "sampled"]
    names += ["state_bytes_p50", "state_bytes_p99", "conflicts", "retries"]
    for heading in ("worker", *names):
        workers.add_column(heading.replace("_", " "), justify="left" if heading == "worker" else "right")
    lags = Table(title="Lag by partition", title_justify="left")
    for heading in ("worker", "partition", "lane", "lag"):
        lags.add_column(heading, justify="left" if heading in ("worker", "lane") else "right")
    for worker, one in found["workers"].items():
        workers.add_row(worker, *(_shown(one[name]) for name in names))
        for partition, place in one["partitions"].items():
            lags.add_row(worker, partition, place["lane"], _shown(place["lag"]))
    others = [
        f"{name}: " + ", ".join(f"{key.replace('_', ' ')} {_shown(value)}" for key, value in found[name].items())
        for name in ("collector", "lake", "serving") if name in found
    ]  # fmt: skip
    if found["silent"]:
        others.append(f"does not answer: {', '.join(found['silent'])}")
    return Group(workers, lags, *others)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_shown(inner)}" for key, inner in value.items())
    return "-" if value is None else f"{value:,.10g}"


def show(*, once: bool, as_json: bool, every_s: float, workers: Sequence[str]) -> None:
    """Print one frame, or go on until interrupted. Raises StackError where nothing runs."""
    settings = load_settings()
    places = addresses(settings, workers)
    before = _require(read(places), settings)
    if once or as_json:
        time.sleep(every_s)
        found = figures(read(places), before)
        if as_json:
            print(json.dumps(found))
        else:
            Console().print(frame(found))
        return
    try:
        with interruptible(), Live(frame(figures(before, None)), auto_refresh=False) as live:
            while True:
                time.sleep(every_s)
                now = read(places)
                live.update(frame(figures(now, before)), refresh=True)
                before = now
    except KeyboardInterrupt:
        return


def _require(reading: Reading, settings: Settings) -> Reading:
    if all(samples is None for samples in reading.processes.values()):
        worker = f"{settings.worker.metrics_host}:{settings.worker.metrics_port}"
        raise StackError(f"expected a worker at {worker}, a lake, collector or service, none answers: clickloop up")
    return reading
