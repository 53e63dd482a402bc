"""Records of `events`, read from where Redis says, not from where Kafka remembers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition

from contracts.lanes import BULK, LANES, MAIN, OWN_BULK, home_of
from contracts.settings import Settings
from contracts.topics import KIND_HEADER, KIND_TURN, Topics
from streaming.checkpoint import Checkpoint, Position
from streaming.outbox import Outbox
from streaming.partitioning import HomeAssignor
from streaming.turns import Turns

_log = structlog.get_logger()

# While a partition waits for its generation to serve, which takes no longer than it must.
_SHORT_POLL_MS = 10
# After a step as long as this another look at the broker is quicker than another step would be.
_LONG_STEP_S, _FRESH_POLL_MS = 0.005, 1

Polled = dict[int, list[Any]]
LANE_NAMES = {MAIN: "main", BULK: "bulk"}


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


@dataclass(frozen=True)
class Lanes:
    """The topic `events`, of `homes` partitions a lane; a poll takes some `records` at most."""

    topic: str
    homes: int
    records: int

    def place(self, home: int, lane: int) -> TopicPartition:
        """A home's partition in a lane."""
        return TopicPartition(self.topic, home + lane * self.homes)


class Source:
    """A consumer whose position in each home partition is the one stored with the states.

    A home is unplaced from its assignment, a conflict or an error until its offsets have
    been read from Redis; what the consumer fetched of it meanwhile is passed over. One that is
    closed, since a new generation of states is about to serve, stays unplaced until that does.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        lanes: Lanes,
        checkpoint: Checkpoint,
        outbox: Outbox,
        on_lost: Callable[[int], None],
        on_generation: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._consumer = consumer
        self._lanes = lanes
        self._checkpoint = checkpoint
        self._outbox = outbox
        self._on_lost = on_lost
        self._on_generation = on_generation
        self._generation: int | None = None
        self._unplaced: set[int] = set()
        self._placed: set[int] = set()
        self._listener = _Assignments()
        self._turns: dict[int, Turns] = {}
        self.positions: dict[int, Position] = {}
        self._returned_s = time.monotonic()
        consumer.subscribe([lanes.topic], listener=self._listener)

    def poll(self, *, timeout_ms: int) -> Polled:
        """The next records by home, in the order to fold them, of placed homes only.

        Each list ends with a record of the main lane. Raises RedisError, KafkaError, Interrupted.
        """
        self._place()
        self._bound()
        busy = time.monotonic() - self._returned_s > _LONG_STEP_S
        polled = self._consumer.poll(timeout_ms=min(timeout_ms, _SHORT_POLL_MS) if self._unplaced else timeout_ms)
        self._take(polled)
        if polled and busy:
            # These came in at the beginning of a long step; the broker has what came since.
            self._take(self._consumer.poll(timeout_ms=_FRESH_POLL_MS))
        found = {home: records for home, turns in self._turns.items() if (records := self._due(home, turns))}
        self._ask()
        self._returned_s = time.monotonic()
        return found

    def take_placed(self) -> list[int]:
        """Partitions placed since the last call, and still held."""
        placed, self._placed = self._placed & self.positions.keys(), set()
        return sorted(placed)

    def displace(self, partitions: Iterable[int]) -> None:
        """Read these homes again from their stored offsets; what is known of them may be wrong."""
        for partition in partitions:
            if self._forget(partition):
                self._unplaced.add(partition)

    def advance(self, partition: int, next_offset: int) -> None:
        """A batch was committed up to, not including, `next_offset` of the main lane."""
        position = self.positions[partition]
        position.offset, position.token = next_offset, str(next_offset)

    def lags(self) -> dict[int, tuple[str, int]]:
        """Lane and records not in the states yet by Kafka partition, of those that the consumer has heard of."""
        found: dict[int, tuple[str, int]] = {}
        for where, offset in self._offsets().items():
            end = self._consumer.highwater(where)
            if end is not None:
                found[where.partition] = (LANE_NAMES[where.partition // self._lanes.homes], max(0, end - offset))
        return found

    def report_offsets(self) -> None:
        """Tell Kafka how far the states are, for whoever watches the group's lag."""
        offsets = {where: OffsetAndMetadata(offset, "", -1) for where, offset in self._offsets().items()}
        if offsets:
            self._consumer.commit_async(offsets)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close(autocommit=False, timeout_ms=2000)

    def _take(self, polled: Mapping[TopicPartition, list[Any]]) -> None:
        """Hand what the consumer gave to its homes, those that are still held."""
        self._follow_group()
        for place, records in polled.items():
            turns = self._turns.get(home_of(place.partition, self._lanes.homes))
            if turns is not None:
                (turns.add_main if place.partition < self._lanes.homes else turns.add_bulk)(records)

    def _offsets(self) -> dict[TopicPartition, int]:
        """The next offset to fold by Kafka partition."""
        found: dict[TopicPartition, int] = {}
        for home, position in self.positions.items():
            found[self._lanes.place(home, MAIN)] = position.offset or 0
            found[self._lanes.place(home, BULK)] = next_bulk(position)
        return found

    def _due(self, home: int, turns: Turns) -> list[Any]:
        fetched = self._consumer.position(self._lanes.place(home, BULK)) if turns.holds else None
        return turns.due(fetched or 0)

    def _ask(self) -> None:
        """Append turns for the bulk records at hand; they come back where the main lane then ends."""
        for home, turns in self._turns.items():
            end = turns.ask(self._share)
            if end is not None:
                self._outbox.send(
                    self._lanes.topic, str(end).encode(), partition=home, headers=[(KIND_HEADER, KIND_TURN)]
                )

    @property
    def _share(self) -> int:
        return max(1, self._lanes.records // max(1, len(self._turns)))

    def _bound(self) -> None:
        """Fetch no more of a lane than can be folded soon."""
        full = set()
        for home, turns in self._turns.items():
            if turns.holds:
                full.add(self._lanes.place(home, MAIN))
            elif turns.waiting >= 2 * self._share:
                full.add(self._lanes.place(home, BULK))
        paused = self._consumer.paused()
        if full != paused:
            self._consumer.resume(*(paused - full))
            self._consumer.pause(*((full - paused) & self._consumer.assignment()))
        # What was fetched before a pause is taken up again only where no other fetch stands in
        # line, and kafka-python 3.0.12 leaves one standing there that is used up.
        fetcher = self._consumer._fetcher
        if not fetcher._next_partition_records:
            fetcher._next_partition_records = None

    def _forget(self, partition: int) -> bool:
        """Know nothing of a home; whether it was placed."""
        self._turns.pop(partition, None)
        self._on_lost(partition)
        return self.positions.pop(partition, None) is not None

    def _follow_group(self) -> None:
        while self._listener.changes:
            assigned, partitions = self._listener.changes.popleft()
            homes = {home_of(partition, self._lanes.homes) for partition in partitions}
            for home in homes:
                self._forget(home)
            if assigned:
                self._unplaced |= homes
            else:
                self._unplaced -= homes
            _log.info("partitions assigned" if assigned else "partitions revoked", partitions=sorted(homes))

    def _place(self) -> None:
        if not self._unplaced:
            return
        self._follow_generation()
        held = self._consumer.assignment()
        waiting = [home for home in sorted(self._unplaced) if held.issuperset(self._places(home))]
        if not waiting:
            return
        ends = self._consumer.end_offsets([place for home in waiting for place in self._places(home)])
        for home, position in self._checkpoint.positions(waiting).items():
            if position.closed:
                self._checkpoint.reopen(home, position.token)
                continue
            self._seek(home, position, ends)
        placed = {each: self.positions[each].offset for each in waiting if each in self.positions}
        if placed:
            _log.info("partitions placed", offsets=placed, generation=self._generation)

    def _seek(self, home: int, position: Position, ends: Mapping[TopicPartition, int]) -> None:
        """Stand where a home's states do. Raises LostRecords."""
        for place, offset in zip(self._places(home), (position.offset, next_bulk(position)), strict=True):
            if (offset or 0) > ends[place]:
                raise LostRecords(place.topic, place.partition, offset or 0, ends[place])
            if offset:
                self._consumer.seek(place, offset)
            else:
                self._consumer.seek_to_beginning(place)
        self._turns[home] = Turns(main=position.offset or 0, bulk=next_bulk(position))
        self.positions[home] = position
        self._placed.add(home)
        self._unplaced.discard(home)

    def _follow_generation(self) -> None:
        """Take up the generation that serves; where that is another, all partitions are placed anew."""
        self._checkpoint.follow()
        if self._checkpoint.generation != self._generation:
            _log.info("generation", before=self._generation, now=self._checkpoint.generation)
            self._generation = self._checkpoint.generation
            self._on_generation(self._generation)
            self.displace(list(self.positions))

    def _places(self, home: int) -> list[TopicPartition]:
        return [self._lanes.place(home, lane) for lane in range(LANES)]


def next_bulk(position: Position) -> int:
    """The next offset to fold of a home's bulk lane."""
    return position.received.get(OWN_BULK, -1) + 1


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
    outbox: Outbox,
    on_lost: Callable[[int], None],
    on_generation: Callable[[int], None] = lambda _: None,
    **overrides: Any,
) -> Source:
    """The worker's source, in its group. Raises KafkaError where no broker answers."""
    worker = settings.worker
    group = settings.kafka.topic_prefix + worker.group
    overrides.setdefault("group_instance_id", worker.instance or None)
    overrides.setdefault("partition_assignment_strategy", [HomeAssignor])
    consumer = open_consumer(settings, group=group, max_records=worker.poll_records, **overrides)
    lanes = Lanes(Topics(settings.kafka.topic_prefix).events, settings.kafka.partitions, worker.poll_records)
    return Source(consumer, lanes, checkpoint, outbox, on_lost, on_generation)
