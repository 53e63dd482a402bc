"""Records of `events`, read from where Redis says, not from where Kafka remembers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from contracts.lanes import BULK, LANES, MAIN, OWN_BULK, home_of
from contracts.settings import Settings
from contracts.topics import KIND_HEADER, KIND_TURN, Topics
from streaming.checkpoint import Checkpoint, Position
from streaming.consumer import open_consumer
from streaming.faults import fault
from streaming.membership import Membership
from streaming.outbox import Outbox
from streaming.partitioning import HomeAssignor
from streaming.reader import Reader
from streaming.turns import Turns

_log = structlog.get_logger()

# While a partition waits for its generation to serve, which takes no longer than it must.
_SHORT_POLL_S = 0.01
# The bulk lane is looked into at least so often where the main lane is silent.
_BULK_POLL_S = 0.02
# A turn is a record and a home's share of a step, whether it is for one record of the bulk lane or for many.
_TURNS_EVERY_S = 0.01

Polled = dict[int, list[Any]]
LANE_NAMES = {MAIN: "main", BULK: "bulk"}


class LostRecords(Exception):
    """Kafka holds less of a partition than has been read of it: its data was lost or the topic made anew."""

    def __init__(self, topic: str, partition: int, offset: int, end: int) -> None:
        super().__init__(
            f"{topic}, partition {partition}: expected the log to reach offset {offset}, up to which it has been read; "
            f"it ends at {end}. Bring Kafka's data back, or start over without what was made of it."
        )


@dataclass(frozen=True)
class Lanes:
    """The topic `events`, of `homes` partitions a lane; a poll takes some `records` at most."""

    topic: str
    homes: int
    records: int

    def place(self, home: int, lane: int) -> int:
        """A home's partition in a lane."""
        return home + lane * self.homes


class Source:
    """Records of the group's partitions that are ours, each home from the offsets stored with its states on.

    A home is unplaced, and not read, from its assignment, a conflict or an error until its offsets have
    been read from Redis. One that is closed, since a new generation of states is about to serve, stays
    unplaced until that does.
    """

    def __init__(
        self,
        membership: Membership,
        readers: tuple[Reader, Reader],
        lanes: Lanes,
        checkpoint: Checkpoint,
        outbox: Outbox,
        on_lost: Callable[[int], None],
        on_generation: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`readers` are those of the main and of the bulk lane."""
        self._membership = membership
        self._main, self._bulk = readers
        self._lanes = lanes
        self._checkpoint = checkpoint
        self._outbox = outbox
        self._on_lost = on_lost
        self._on_generation = on_generation
        self._generation: int | None = None
        self._unplaced: set[int] = set()
        self._placed: set[int] = set()
        self._turns: dict[int, Turns] = {}
        self.positions: dict[int, Position] = {}
        self._asked_s = 0.0

    def poll(self, *, timeout_ms: int) -> Polled:
        """The next records by home, in the order to fold them, of placed homes only.

        Each list ends with a record of the main lane. Raises RedisError, KafkaError, Interrupted.
        """
        self._follow_group()
        self._place()
        wait_s = min(timeout_ms / 1000, _SHORT_POLL_S if self._unplaced else _BULK_POLL_S)
        limit, turns = self._lanes.records, self._turns.values()
        holds = any(each.holds for each in turns)
        if sum(each.held for each in turns) < limit:
            for record in self._main.read(limit, 0.0 if holds else wait_s):
                self._turns[record.partition].add_main(record)
        # What a turn waits for has to come, however much is at hand for others.
        if holds or sum(each.waiting for each in turns) < 2 * limit:
            for record in self._bulk.read(limit, wait_s if holds else 0.0):
                self._turns[home_of(record.partition, self._lanes.homes)].add_bulk(record)
        found = {home: due for home, turns in self._turns.items() if (due := self._due(home, turns))}
        self._ask()
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
        """Lane and records not in the states yet by Kafka partition, of those that have been heard of."""
        found: dict[int, tuple[str, int]] = {}
        for lane, reader in ((MAIN, self._main), (BULK, self._bulk)):
            for home, position in self.positions.items():
                place = self._lanes.place(home, lane)
                end = reader.end(place)
                if end is not None:
                    found[place] = (LANE_NAMES[lane], max(0, end - _next(position, lane)))
        return found

    def report_offsets(self) -> None:
        """Tell Kafka how far the states are, for whoever watches the group's lag."""
        self._membership.report(
            {
                self._lanes.place(home, lane): _next(position, lane)
                for home, position in self.positions.items()
                for lane in range(LANES)
            }
        )

    def close(self) -> None:
        """Leave the group."""
        self._membership.close()
        self._main.close()
        self._bulk.close()

    def _due(self, home: int, turns: Turns) -> list[Any]:
        return turns.due(self._bulk.reached(self._lanes.place(home, BULK)) if turns.holds else 0)

    def _ask(self) -> None:
        """Append turns for the bulk records at hand; they come back where the main lane then ends."""
        now_s = time.monotonic()
        if now_s - self._asked_s < _TURNS_EVERY_S:
            return
        for home, turns in self._turns.items():
            end = turns.ask(self._share)
            if end is not None:
                self._asked_s = now_s
                self._outbox.send(
                    self._lanes.topic, str(end).encode(), partition=home, headers=[(KIND_HEADER, KIND_TURN)]
                )
                fault("worker: after turn")

    @property
    def _share(self) -> int:
        return max(1, self._lanes.records // max(1, len(self._turns)))

    def _forget(self, partition: int) -> bool:
        """Know nothing of a home, and read it no longer; whether it was placed."""
        self._turns.pop(partition, None)
        self._main.remove([self._lanes.place(partition, MAIN)])
        self._bulk.remove([self._lanes.place(partition, BULK)])
        self._on_lost(partition)
        return self.positions.pop(partition, None) is not None

    def _follow_group(self) -> None:
        for assigned, partitions in self._membership.take_changes():
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
        waiting = sorted(self._unplaced)
        ends = self._main.ends([place for home in waiting for place in self._places(home)])
        for home, position in self._checkpoint.positions(waiting).items():
            if position.closed:
                self._checkpoint.reopen(home, position.token)
                continue
            self._start(home, position, ends)
        placed = {each: self.positions[each].offset for each in waiting if each in self.positions}
        if placed:
            _log.info("partitions placed", offsets=placed, generation=self._generation)

    def _start(self, home: int, position: Position, ends: Mapping[int, int]) -> None:
        """Read from where a home's states stand. Raises LostRecords."""
        for lane, reader in ((MAIN, self._main), (BULK, self._bulk)):
            place, offset = self._lanes.place(home, lane), _next(position, lane)
            if offset > ends[place]:
                raise LostRecords(self._lanes.topic, place, offset, ends[place])
            reader.add({place: offset})
        self._turns[home] = Turns(main=_next(position, MAIN), bulk=_next(position, BULK))
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

    def _places(self, home: int) -> list[int]:
        return [self._lanes.place(home, lane) for lane in range(LANES)]


def _next(position: Position, lane: int) -> int:
    """The next offset to fold of a lane."""
    return (position.offset or 0) if lane == MAIN else position.received.get(OWN_BULK, -1) + 1


def open_source(
    settings: Settings,
    checkpoint: Checkpoint,
    outbox: Outbox,
    on_lost: Callable[[int], None],
    on_generation: Callable[[int], None] = lambda _: None,
    **overrides: Any,
) -> Source:
    """The worker's source, in its group. Raises KafkaError where no broker answers."""
    worker, topic = settings.worker, Topics(settings.kafka.topic_prefix).events
    group = settings.kafka.topic_prefix + worker.group
    overrides.setdefault("group_instance_id", worker.instance or None)
    overrides.setdefault("partition_assignment_strategy", [HomeAssignor])
    member = Membership(open_consumer(settings, group=group, max_records=1, **overrides), topic)
    readers = (Reader(settings.kafka, topic), Reader(settings.kafka, topic))
    lanes = Lanes(topic, settings.kafka.partitions, worker.poll_records)
    return Source(member, readers, lanes, checkpoint, outbox, on_lost, on_generation)
