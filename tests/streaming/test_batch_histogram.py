"""The histogram of a batch beside Prometheus's own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from streaming.batch_histogram import BatchHistogram

BOUNDS = (0.002, 0.5, 1, 60)


def _read(registry: CollectorRegistry) -> list[str]:
    # Prometheus's own also tells when it was made.
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_a_batch_counts_as_its_values_one_by_one() -> None:
    one, other = CollectorRegistry(), CollectorRegistry()
    ours = BatchHistogram("delay_seconds", "How long.", BOUNDS, one)
    theirs = Histogram("delay_seconds", "How long.", buckets=BOUNDS, registry=other)
    assert _read(one) == _read(other)
    for batch in ([0.0, 0.002, 0.0021, 1.0], [], [0.5, 59.0, 60.0, 60.5, 1e6]):
        ours.observe(batch)
        for value in batch:
            theirs.observe(value)
    assert _read(one) == _read(other)
