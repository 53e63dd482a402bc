"""Records of `events`, read from where Redis says, not from where Kafka remembers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition

from contracts.settings import Settings
from contracts.topics import Topics
from streaming.checkpoint import Checkpoint, Position

_log = structlog.get_logger()

# While a partition waits for its generation to serve, which takes no longer than it must.
_SHORT_POLL_MS = 10

Polled = dict[int, list[Any]]


class LostRecords(Exception):
    """Kafka holds less of a partition than has been read of it: its data was lost or the topic made anew."""

    def __init__(self, topic: str, partition: int, offset: int, end: int) -> None:
        super().__init__(
            f"{topic}, partition {partition}: expected the log to reach offset {offset}, up to which it has been read; "
            f"it ends at {end}. Bring Kafka's data back, or start over without what was made of it."
        )


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what the group decided; the loop acts on it, for a listener must not block."""

    def __init__(self) -> None:
        self.changes: deque[tuple[bool, frozenset[int]]] = deque()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.changes.append((False, frozenset(each.partition for each in revoked)))

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.changes.append((True, frozenset(each.partition for each in assigned)))


class Source:
    """A consumer whose position in each partition is the offset stored with the states.

    A partition is unplaced from its assignment, a conflict or an error until its offset has
    been read from Redis; what the consumer fetched of it meanwhile is passed over. One that is
    closed, since a new generation of states is about to serve, stays unplaced until that does.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        topic: str,
        checkpoint: Checkpoint,
        on_lost: Callable[[int], None],
        on_generation: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._checkpoint = checkpoint
        self._on_lost = on_lost
        self._on_generation = on_generation
        self._generation: int | None = None
        self._unplaced: set[int] = set()
        self._placed: set[int] = set()
        self._listener = _Assignments()
        self.positions: dict[int, Position] = {}
        consumer.subscribe([topic], listener=self._listener)

    def poll(self, *, timeout_ms: int) -> Polled:
        """The next records by partition, of placed partitions only. Raises RedisError, KafkaError."""
        self._place()
        polled = self._consumer.poll(timeout_ms=min(timeout_ms, _SHORT_POLL_MS) if self._unplaced else timeout_ms)
        self._follow_group()
        due = {each.partition: self._due(each.partition, records) for each, records in polled.items()}
        return {partition: records for partition, records in due.items() if records}

    def take_placed(self) -> list[int]:
        """Partitions placed since the last call, and still held."""
        placed, self._placed = self._placed & self.positions.keys(), set()
        return sorted(placed)

    def displace(self, partitions: Iterable[int]) -> None:
        """Read these partitions again from their stored offsets; what is known of them may be wrong."""
        for partition in partitions:
            if self.positions.pop(partition, None) is not None:
                self._unplaced.add(partition)
            self._on_lost(partition)

    def advance(self, partition: int, next_offset: int) -> None:
        """A batch was committed up to, not including, `next_offset`."""
        position = self.positions[partition]
        position.offset, position.token = next_offset, str(next_offset)

    def lag(self, partition: int) -> int | None:
        """Records in Kafka that are not in the states yet, None where the consumer has not heard."""
        end = self._consumer.highwater(TopicPartition(self._topic, partition))
        offset = self.positions[partition].offset
        return None if end is None else max(0, end - (offset or 0))

    def report_offsets(self) -> None:
        """Tell Kafka how far the states are, for whoever watches the group's lag."""
        offsets = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(position.offset, "", -1)
            for partition, position in self.positions.items()
            if position.offset is not None
        }
        if offsets:
            self._consumer.commit_async(offsets)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close(autocommit=False, timeout_ms=2000)

    def _due(self, partition: int, records: list[Any]) -> list[Any]:
        """Those that the states have not seen: after a seek the consumer may still hand out older ones."""
        position = self.positions.get(partition)
        if position is None:
            return []
        due = position.offset or 0
        return records if records[0].offset >= due else [record for record in records if record.offset >= due]

    def _follow_group(self) -> None:
        while self._listener.changes:
            assigned, partitions = self._listener.changes.popleft()
            for partition in partitions:
                self.positions.pop(partition, None)
                self._on_lost(partition)
            if assigned:
                self._unplaced |= partitions
            else:
                self._unplaced -= partitions
            _log.info("partitions assigned" if assigned else "partitions revoked", partitions=sorted(partitions))

    def _place(self) -> None:
        if not self._unplaced:
            return
        self._follow_generation()
        waiting = sorted(self._unplaced & {each.partition for each in self._consumer.assignment()})
        if not waiting:
            return
        places = [TopicPartition(self._topic, partition) for partition in waiting]
        ends = {each.partition: end for each, end in self._consumer.end_offsets(places).items()}
        for partition, position in self._checkpoint.positions(waiting).items():
            if position.closed:
                self._checkpoint.reopen(partition, position.token)
                continue
            if (position.offset or 0) > ends[partition]:
                raise LostRecords(self._topic, partition, position.offset or 0, ends[partition])
            where = TopicPartition(self._topic, partition)
            if position.offset is None:
                self._consumer.seek_to_beginning(where)
            else:
                self._consumer.seek(where, position.offset)
            self.positions[partition] = position
            self._placed.add(partition)
            self._unplaced.discard(partition)
        placed = {each: self.positions[each].offset for each in waiting if each in self.positions}
        if placed:
            _log.info("partitions placed", offsets=placed, generation=self._generation)

    def _follow_generation(self) -> None:
        """Take up the generation that serves; where that is another, all partitions are placed anew."""
        self._checkpoint.follow()
        if self._checkpoint.generation != self._generation:
            _log.info("generation", before=self._generation, now=self._checkpoint.generation)
            self._generation = self._checkpoint.generation
            self._on_generation(self._generation)
            self.displace(list(self.positions))


def open_consumer(settings: Settings, *, group: str, max_records: int, **overrides: Any) -> KafkaConsumer:
    """A consumer that commits nothing by itself and answers at the first record. Raises KafkaError."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.bootstrap,
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_min_bytes": 1,
        "max_poll_records": max_records,
        "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 1_000,
        "reconnect_backoff_max_ms": 1000,
    }
    return KafkaConsumer(**(options | overrides))


def open_source(
    settings: Settings,
    checkpoint: Checkpoint,
    on_lost: Callable[[int], None],
    on_generation: Callable[[int], None] = lambda _: None,
    **overrides: Any,
) -> Source:
    """The worker's source, in its group. Raises KafkaError where no broker answers."""
    worker = settings.worker
    group = settings.kafka.topic_prefix + worker.group
    overrides.setdefault("group_instance_id", worker.instance or None)
    consumer = open_consumer(settings, group=group, max_records=worker.poll_records, **overrides)
    return Source(consumer, Topics(settings.kafka.topic_prefix).events, checkpoint, on_lost, on_generation)
