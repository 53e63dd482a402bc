"""A Prometheus histogram that takes a batch at a time: one observation each costs as much as a small fold."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class BatchHistogram(Collector):
    """Counts values up to each of `bounds`, inclusive, as `prometheus_client.Histogram` does."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = sorted(map(float, bounds))
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()
        registry.register(self)

    def observe(self, values: Iterable[float]) -> None:
        """Count the values of a batch."""
        bounds, counts, total = self._bounds, [0] * len(self._counts), 0.0
        for value in values:
            counts[bisect_left(bounds, value)] += 1
            total += value
        with self._lock:
            self._counts = [before + more for before, more in zip(self._counts, counts, strict=True)]
            self._sum += total

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus reads."""
        with self._lock:
            counts, total = self._counts, self._sum
        buckets, so_far = [], 0
        for bound, count in zip([*self._bounds, math.inf], counts, strict=True):
            so_far += count
            buckets.append((str(bound) if bound < math.inf else "+Inf", so_far))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=total)
