"""What the worker counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from streaming.batch_histogram import BatchHistogram

_DELAYS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600)

_STATE_BYTES = (128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192, 16384)


class WorkerMetrics:
    """Counters of one worker, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "clickloop_worker_events", "Events by what became of them.", ["outcome"], registry=self.registry
        )
        self.conflicts = Counter(
            "clickloop_worker_commit_conflicts",
            "Batches dropped, another worker had committed.",
            registry=self.registry,
        )
        self.retries = Counter(
            "clickloop_worker_retries", "Batches repeated after an error.", ["error"], registry=self.registry
        )
        self.lag = Gauge(
            "clickloop_worker_lag_events",
            "Records not yet in the states, by Kafka partition.",
            ["partition", "lane"],
            registry=self.registry,
        )
        self.delay = BatchHistogram(
            "clickloop_worker_event_to_feature_seconds",
            "From the event's arrival in Kafka to its state committed and its row in the online store.",
            _DELAYS_S,
            self.registry,
        )
        self.bots = Counter(
            "clickloop_worker_bot_events", "Events folded for profiles taken for bots.", registry=self.registry
        )
        self.state_bytes = BatchHistogram(
            "clickloop_worker_state_bytes", "Size of a state as it is stored.", _STATE_BYTES, self.registry
        )
        self.items = Gauge("clickloop_worker_items", "Items of the catalogue.", registry=self.registry)
        self.items_poisoned = Gauge(
            "clickloop_worker_items_poisoned", "Records of items passed over.", registry=self.registry
        )

    def serve(self, host: str, port: int) -> int:
        """Answer GET /metrics; the port taken."""
        server, _ = start_http_server(port, addr=host, registry=self.registry)
        return int(server.server_port)
