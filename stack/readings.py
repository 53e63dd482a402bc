"""What the running processes say of themselves under /metrics, read once."""

from __future__ import annotations

import http.client
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from contracts.settings import Settings

TIMEOUT_S = 2.0

Labels = frozenset[tuple[str, str]]
Samples = dict[str, dict[Labels, float]]


@dataclass(frozen=True)
class Reading:
    """Samples by process as of `at_s` (monotonic); None for a process that did not answer."""

    at_s: float
    processes: Mapping[str, Samples | None]


def addresses(settings: Settings, workers: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Host and port by process; `workers` are `host:port`, the settings' own where none is named. Raises ValueError."""
    own = f"{settings.worker.metrics_host}:{settings.worker.metrics_port}"
    found = {}
    for number, worker in enumerate(workers or (own,), 1):
        host, _, port = worker.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"expected a worker as host:port, came {worker!r}")
        found[f"worker-{number}"] = (host, int(port))
    found["lake"] = (settings.lake.metrics_host, settings.lake.metrics_port)
    found["collector"] = (settings.collector.host, settings.collector.port)
    found["serving"] = (settings.serving.host, settings.serving.port)
    return found


def read(places: Mapping[str, tuple[str, int]]) -> Reading:
    """Ask every process."""
    return Reading(time.monotonic(), {name: _samples(host, port) for name, (host, port) in places.items()})


def parse(page: str) -> Samples:
    """Values by sample name and labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = float(sample.value)
    return found


def total(samples: Samples, name: str, **wanted: str) -> float:
    """The sum of a sample over all labels that include those wanted."""
    needed = frozenset(wanted.items())
    return sum(value for labels, value in samples.get(name, {}).items() if labels >= needed)


def quantile(samples: Samples, name: str, share: float, before: Samples | None = None) -> float | None:
    """The upper bound of the bucket that holds a quantile of a histogram; None for an empty one.

    With `before`, of what was observed since. Infinity where it lies beyond the last bound.
    """
    buckets = sorted((_bound(labels), value) for labels, value in samples.get(f"{name}_bucket", {}).items())
    if before is not None:
        known = {_bound(labels): value for labels, value in before.get(f"{name}_bucket", {}).items()}
        buckets = [(bound, value - known.get(bound, 0.0)) for bound, value in buckets]
    if not buckets or buckets[-1][1] <= 0:
        return None
    return next(bound for bound, value in buckets if value >= share * buckets[-1][1])


def _bound(labels: Labels) -> float:
    return math.inf if (bound := dict(labels)["le"]) == "+Inf" else float(bound)


def _samples(host: str, port: int) -> Samples | None:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer: Any = connection.getresponse()
        return parse(answer.read().decode()) if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
