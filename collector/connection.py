"""The producer's life: made, watched and, where it does not recover, made anew; all off the event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaConnectionError, KafkaError

from collector.partitioner import Placing
from collector.sealed import Record

_log = structlog.get_logger()

_RETRY_S = 0.3
_BATCH_BYTES = 128 * 1024
# A send waits this long at most, and only where a topic's partitions are not known.
_MAX_BLOCK_MS = 20
_BOOTSTRAP_TIMEOUT_MS = 3000
_DELIVERY_TIMEOUT_MS = 10 * 60 * 1000
# A producer that has failed for longer is replaced, and what it still held fails.
_REPLACE_AFTER_S = 6.0


class Connection:
    """Holds an idempotent producer that waits for all replicas, and knows whether it can be used."""

    def __init__(self, bootstrap: str, topics: Sequence[str], placing: Placing, *, ack_timeout_s: float) -> None:
        self._bootstrap = bootstrap
        self._placing = placing
        self._topics = tuple(topics)
        self._ack_timeout_ms = int(ack_timeout_s * 1000)
        self._producer: Any = None
        self._connected_at = 0.0
        self._closing = threading.Event()
        self._replace = threading.Event()
        self._trouble = f"Kafka at {bootstrap} is not connected yet"
        self._thread = threading.Thread(target=self._keep, name="collector-kafka", daemon=True)

    @property
    def is_ready(self) -> bool:
        """Whether `send` can be called."""
        return self._producer is not None

    @property
    def trouble(self) -> str:
        """Why the connection is not ready."""
        return self._trouble

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._thread.start()

    def send(self, record: Record) -> Any:
        """Hand a record to the producer; returns kafka-python's future.

        Raises KafkaError or ValueError where the producer cannot take it.
        """
        producer = self._producer
        if producer is None:
            raise KafkaConnectionError(self._trouble)
        return producer.send(record.topic, record.value, record.key, partition=self._placing.partition(record))

    def note_failure(self, failing_s: float) -> None:
        """Deliveries have failed for so long."""
        if min(failing_s, time.monotonic() - self._connected_at) > _REPLACE_AFTER_S:
            self._replace.set()

    def close(self, timeout_s: float) -> None:
        """Stop connecting; flush and close the producer. Blocks up to `timeout_s`."""
        self._closing.set()
        self._replace.set()
        self._thread.join(timeout_s + _BOOTSTRAP_TIMEOUT_MS / 1000)

    def _keep(self) -> None:
        while not self._closing.is_set():
            producer = self._connect()
            if producer is None:
                self._closing.wait(_RETRY_S)
                continue
            self._connected_at = time.monotonic()
            self._replace.clear()
            self._producer = producer
            _log.info("kafka_connected", bootstrap=self._bootstrap)
            if not self._closing.is_set():
                self._replace.wait()
            self._producer = None
            self._trouble = f"Kafka at {self._bootstrap} is being connected anew"
            self._shut(producer, flush=self._closing.is_set())

    def _connect(self) -> Any:
        producer = None
        try:
            producer = self._make()
            deadline = time.monotonic() + _BOOTSTRAP_TIMEOUT_MS / 1000
            for topic in self._topics:
                while not self._knows(producer, topic):
                    if time.monotonic() > deadline or self._closing.is_set():
                        self._trouble = (
                            f"expected topic {topic} in Kafka at {self._bootstrap}, in {self._placing.wanted(topic)}; "
                            "came none"
                        )
                        self._shut(producer, flush=False)
                        return None
        except (KafkaError, OSError, ValueError) as error:
            self._trouble = f"Kafka at {self._bootstrap} is away: {type(error).__name__}"
            if producer is not None:
                self._shut(producer, flush=False)
            return None
        return producer

    def _make(self) -> Any:
        return KafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id="clickloop-collector",
            acks="all",
            enable_idempotence=True,
            # No linger: one event leaves at once, and while a partition's request is on its
            # way the next events gather into its next batch, the more the busier it is.
            linger_ms=0,
            batch_size=_BATCH_BYTES,
            max_request_size=4 * 1024 * 1024,
            max_block_ms=_MAX_BLOCK_MS,
            # Callers are answered by the outbox's patience. A batch that expires here after a
            # retry would leave kafka-python without a producer id for good (3.0.12).
            delivery_timeout_ms=_DELIVERY_TIMEOUT_MS,
            request_timeout_ms=int(self._ack_timeout_ms * 0.6),
            bootstrap_timeout_ms=_BOOTSTRAP_TIMEOUT_MS,
            retry_backoff_ms=50,
            reconnect_backoff_ms=50,
            reconnect_backoff_max_ms=500,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def _knows(self, producer: Any, topic: str) -> bool:
        try:
            partitions = producer.partitions_for(topic)
            return bool(partitions) and self._placing.fits(topic, len(partitions))
        except KafkaError:
            return False

    def _shut(self, producer: Any, *, flush: bool) -> None:
        if not flush:
            # `close` would flush first, and raise before it closes where Kafka is away.
            producer._sender.force_close()
        try:
            producer.close(timeout=self._ack_timeout_ms / 1000)
        except (KafkaError, RuntimeError) as error:
            producer._sender.force_close()
            _log.warning("producer_closed_with_loss", error=type(error).__name__)
