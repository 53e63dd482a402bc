"""What Prometheus sees of the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_STAGE_BUCKETS_S = (1e-4, 2.5e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_AGE_BUCKETS_S = (0.01, 0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)


class ServingMetrics:
    """Counters and histograms of one service; each has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._requests = Counter("clickloop_serving_requests", "Answers", ["route", "source"], registry=registry)
        self._refused = Counter("clickloop_serving_refused", "Requests refused", ["route"], registry=registry)
        self._degraded = Counter("clickloop_serving_degraded", "Answers without a part", ["cause"], registry=registry)
        self._stages = Histogram(
            "clickloop_serving_stage_seconds", "Time by stage", ["stage"], buckets=_STAGE_BUCKETS_S, registry=registry
        )
        self._age = Histogram(
            "clickloop_serving_feature_age_seconds",
            "Request time less the newest event folded",
            buckets=_AGE_BUCKETS_S,
            registry=registry,
        )
        self._logged = Counter("clickloop_serving_served_logged", "Answers kept by Kafka", registry=registry)
        self._dropped = Counter(
            "clickloop_serving_served_dropped", "Answers that Kafka did not get", ["reason"], registry=registry
        )
        self._swaps = Counter("clickloop_serving_model_swaps", "Models taken up", registry=registry)
        self._refusals = Counter(
            "clickloop_serving_model_refusals", "Promoted models not taken up", ["error"], registry=registry
        )
        self._biases_until: datetime | None = None
        age = Gauge(
            "clickloop_serving_biases_age_seconds",
            "Now less the instant until which purchases count in the item biases; NaN without biases",
            registry=registry,
        )
        age.set_function(self._biases_age_s)
        self._biases_refused = Counter(
            "clickloop_serving_biases_refusals", "Item biases not taken up", ["error"], registry=registry
        )
        self._model = Gauge("clickloop_serving_model", "1 for the model that answers", ["version"], registry=registry)

    def answered(
        self,
        *,
        route: str,
        source: str,
        degraded: Iterable[str] = (),
        timings_ms: Mapping[str, float],
        age_s: float | None,
    ) -> None:
        """Count one answer."""
        self._requests.labels(route, source).inc()
        for cause in degraded:
            self._degraded.labels(cause).inc()
        for stage, spent_ms in timings_ms.items():
            self._stages.labels(stage).observe(spent_ms / 1e3)
        if age_s is not None:
            self._age.observe(age_s)

    def refused(self, route: str) -> None:
        """Count a request that was answered with what is wrong with it."""
        self._refused.labels(route).inc()

    def logged(self) -> None:
        """Count an answer that Kafka acknowledged."""
        self._logged.inc()

    def dropped(self, reason: str) -> None:
        """Count an answer that did not reach Kafka."""
        self._dropped.labels(reason).inc()

    def swapped(self, version: str) -> None:
        """Count a model taken up, and name it."""
        self._swaps.inc()
        self._model.clear()
        self._model.labels(version).set(1)

    def model_refused(self, error: str) -> None:
        """Count a promoted model that was not taken up, by the kind of error."""
        self._refusals.labels(error).inc()

    def biases_taken(self, until: datetime | None) -> None:
        """Say until when purchases count in the biases in use; None where there are none."""
        self._biases_until = until

    def biases_refused(self, error: str) -> None:
        """Count item biases that were not taken up, by the kind of error."""
        self._biases_refused.labels(error).inc()

    def _biases_age_s(self) -> float:
        until = self._biases_until
        return nan if until is None else (datetime.now(UTC) - until).total_seconds()

    def exposition(self) -> bytes:
        """Prometheus's text format."""
        return generate_latest(self.registry)
