"""Records of some partitions of a topic, read from where one says, by librdkafka: parsed outside of Python's lock."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.settings import KafkaSettings

_log = structlog.get_logger()

_QUERY_S = 5.0
_NO_HEADERS: Sequence[tuple[str, bytes]] = ()


class Record(Struct, frozen=True, gc=False):
    """A consumed record; `timestamp` is milliseconds since 1970 UTC."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class ReadError(KafkaError):  # type: ignore[misc]
    """The broker's answer for a partition is an error."""


class Reader:
    """Reads partitions of one topic in no group. Raises ReadError where Kafka refuses; while Kafka is away
    nothing comes."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._places: dict[int, TopicPartition] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                # Asked for, though nothing is committed and no group joined.
                "group.id": f"{topic}-reader",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                # A partition added while a fetch waits at the broker joins the next one.
                "fetch.wait.max.ms": 100,
                "queued.min.messages": 20_000,
                "queued.max.messages.kbytes": 32 * 1024,
                "reconnect.backoff.max.ms": 1000,
                "topic.metadata.propagation.max.ms": 5000,
                "error_cb": _heard,
                "log_level": 3,
            },
            logger=logging.getLogger("librdkafka"),
        )

    def add(self, starts: Mapping[int, int]) -> None:
        """Read these partitions too, each from an offset on; 0 is the oldest that there is."""
        places = [TopicPartition(self._topic, number, offset or OFFSET_BEGINNING) for number, offset in starts.items()]
        self._places |= {each.partition: TopicPartition(self._topic, each.partition) for each in places}
        self._consumer.incremental_assign(places)

    def remove(self, partitions: Iterable[int]) -> None:
        """Read these no longer. Nothing of them that was fetched comes afterwards."""
        gone = [self._places.pop(number) for number in partitions if number in self._places]
        if gone:
            self._consumer.incremental_unassign(gone)

    def read(self, limit: int, timeout_s: float) -> list[Record]:
        """Up to `limit` records that have come by now; where none has, waits for the first one."""
        found = self._consumer.consume(limit, 0)
        if not found and timeout_s > 0:
            first = self._consumer.poll(timeout_s)
            found = [first, *self._consumer.consume(limit, 0)] if first is not None else []
        return [_record(message) for message in found]

    def reached(self, partition: int) -> int:
        """The offset below which nothing more will come: what was read, or what Kafka has dropped."""
        place = self._places[partition]
        (position,) = self._consumer.position([place])
        low, _ = self._consumer.get_watermark_offsets(place, cached=True)
        return max(0, position.offset, low)

    def end(self, partition: int) -> int | None:
        """Where the log ended when last heard of, None before that."""
        _, high = self._consumer.get_watermark_offsets(self._places[partition], cached=True)
        return high if high >= 0 else None

    def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Where the log ends now, by partition. Raises ReadError where Kafka does not say."""
        try:
            return {
                number: self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=_QUERY_S)[1]
                for number in partitions
            }
        except KafkaException as error:
            raise ReadError(str(error)) from error

    def close(self) -> None:
        """Let the connections go."""
        self._consumer.close()


def _record(message: Any) -> Record:
    error = message.error()
    if error is not None:
        raise ReadError(f"partition {message.partition()}: {error.str()}")
    return Record(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        message.headers() or _NO_HEADERS,
    )


def _heard(error: Any) -> None:
    _log.warning("kafka", error=error.str())
