"""What the collector counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.requests = Counter(
            "clickloop_collector_requests", "Requests answered", ["path", "status"], registry=self.registry
        )
        self.accepted = Counter(
            "clickloop_collector_events_accepted", "Messages acknowledged by Kafka", registry=self.registry
        )
        self.written = Counter(
            "clickloop_collector_events_written",
            "Events written; an order of three products is three",
            registry=self.registry,
        )
        self.rejected = Counter(
            "clickloop_collector_events_rejected", "Messages refused", ["reason"], registry=self.registry
        )
        self.withheld = Counter(
            "clickloop_collector_events_withheld",
            "Messages not kept: the visitor withheld measurement",
            registry=self.registry,
        )
        self.ack_seconds = Histogram(
            "clickloop_collector_ack_seconds",
            "From the first record's sending to Kafka's acknowledgement of the last",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge("clickloop_collector_requests_in_flight", "Requests being read", registry=self.registry)

    def watch(self, name: str, description: str, value: Callable[[], float]) -> None:
        """Show a value that is read when the metrics are."""
        Gauge(f"clickloop_collector_{name}", description, registry=self.registry).set_function(value)

    def page(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
