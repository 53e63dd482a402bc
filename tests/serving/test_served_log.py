"""The buffer before Kafka."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.recommend import Served
from contracts.settings import KafkaSettings
from serving.metrics import ServingMetrics
from serving.served_log import ServedLog
from stack.ports import free_port


def served(number: int) -> Served:
    return Served(
        recommendation_id=f"r{number}",
        profile_id=None,
        served_at=datetime(2026, 11, 21, tzinfo=UTC),
        items=[],
        scores=[],
        source="popular",
        model_version=None,
        variant="default",
        state_version=0,
        degraded=[],
        features={},
        timings_ms={},
    )


def test_what_does_not_fit_is_dropped_and_counted_and_nobody_waits() -> None:
    metrics = ServingMetrics()
    nowhere = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    log = ServedLog(nowhere, buffer=3, retry_s=0.01, values_share=0.0, metrics=metrics)
    log.start()
    for number in range(10):
        log.offer(served(number))
    log.stop()

    # Three of ten fit: nothing leaves the buffer where there is no broker.
    dropped = metrics.registry.get_sample_value("clickloop_serving_served_dropped_total", {"reason": "full"})
    assert dropped == 7
    assert log.state == "away"
