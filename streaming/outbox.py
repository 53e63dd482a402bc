"""What the worker writes to Kafka: sent once it is committed, acknowledged before the next commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Event as Flag
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from contracts.settings import Settings
from contracts.topics import Topics
from streaming.faults import fault
from streaming.parcels import Header, Parcel
from streaming.partitioning import HomePartitioner

_log = structlog.get_logger()

# A record that the producer gave up on while a later one landed would leave a hole that the
# receivers, who count by offset, take for something done. So it never gives up; the worker waits.
_NEVER_MS = 2**31 - 1
_WAIT_S = 2.0


class Interrupted(Exception):
    """The process was asked to stop while it waited for Kafka; nothing of the batch is committed."""


class RefusedRecord(Exception):
    """Kafka will never take a record; going on would leave a hole before the next one."""


def open_producer(settings: Settings, **overrides: Any) -> KafkaProducer:
    """An idempotent producer, acks=all. Raises KafkaError where no broker answers."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.bootstrap,
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": 0,
        "batch_size": 256 * 1024,
        "compression_type": "zstd",
        "delivery_timeout_ms": _NEVER_MS,
        "max_block_ms": int(_WAIT_S * 1000),
        "partitioner": HomePartitioner(Topics(settings.kafka.topic_prefix).events, settings.kafka.partitions),
        "reconnect_backoff_max_ms": 1000,
    }
    return KafkaProducer(**(options | overrides))


class Outbox:
    """A producer that waits for a broker which is away for as long as it takes."""

    def __init__(self, producer: KafkaProducer, stopping: Flag) -> None:
        self._producer = producer
        self._stopping = stopping
        self._sent: list[Any] = []

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[Header] = (),
    ) -> None:
        """Queue one record. Raises Interrupted, KafkaError where the record can never be sent."""
        while True:
            try:
                future = self._producer.send(topic, value, key=key, partition=partition, headers=list(headers))
            except KafkaTimeoutError:
                self._wait("send")
            else:
                self._sent.append(future)
                return

    @property
    def idle(self) -> bool:
        """Whether Kafka has acknowledged all that was sent."""
        return all(future.is_done for future in self._sent)

    def flush(self) -> None:
        """Return once Kafka has all of it. Raises Interrupted, RefusedRecord."""
        if not self._sent:
            return
        while True:
            try:
                self._producer.flush(timeout=_WAIT_S)
                break
            except KafkaTimeoutError:
                self._wait("flush")
        sent, self._sent = self._sent, []
        for future in sent:
            if future.failed():
                raise RefusedRecord(str(future.exception)) from future.exception

    def post(self, parcels: Iterable[Parcel]) -> None:
        """Queue what a commit holds. Raises Interrupted, KafkaError where a record can never be sent."""
        for parcel in parcels:
            fault("worker: in outbox")
            self.send(parcel.topic, parcel.value, key=parcel.key, partition=parcel.partition, headers=parcel.headers)

    def close(self) -> None:
        """Let the producer go; what was not flushed is not committed either."""
        self._producer.close(timeout=1.0)

    def _wait(self, doing: str) -> None:
        _log.warning("kafka is away, waiting", doing=doing)
        if self._stopping.is_set():
            raise Interrupted(f"asked to stop while waiting for Kafka to {doing}")
