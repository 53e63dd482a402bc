"""The worker's loop: poll, decode, read, fold, commit, write features, publish history."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from typing import Any

import structlog
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from contracts.snapshot import Snapshot
from contracts.topics import Topics
from streaming.attributes import AttributeRows
from streaming.cells import Cell
from streaming.checkpoint import Checkpoint, Commit, Conflict
from streaming.faults import fault
from streaming.feature_rows import FeatureRows
from streaming.folding import PartitionFold, PoisonedRecord, snapshot_of
from streaming.items import LEADING_PARTITION, ItemRows, Items
from streaming.memory import Memory
from streaming.metrics import WorkerMetrics
from streaming.outbox import Interrupted, Outbox
from streaming.parcels import Parcel, newest_rows, pack, unpack
from streaming.publish import parcels_of
from streaming.records import Incoming, decode_record, is_foreign
from streaming.source import Source
from streaming.states import States, UnreadableState

_log = structlog.get_logger()

_BACKOFF_FIRST_S, _BACKOFF_LAST_S = 0.05, 2.0
_REPORT_EVERY_S = 5.0
# How soon to look for an acknowledgement, where no event comes meanwhile.
_PAYING_POLL_MS = 10
# Attribute rows follow bit by bit: profile by profile they cost more than an event, and the next click waits for them.
_BUSY_BATCH = 200
_ATTRIBUTES_WITH_FEW, _ATTRIBUTES_WITH_MANY, _ATTRIBUTES_AT_THE_END = 16, 50, 500


@dataclass(frozen=True)
class Parts:
    """What a worker is made of."""

    source: Source
    states: States
    checkpoint: Checkpoint
    rows: FeatureRows
    attributes: AttributeRows
    outbox: Outbox
    topics: Topics
    metrics: WorkerMetrics
    items: Items
    item_rows: ItemRows
    poll_timeout_ms: int
    lateness_us: int
    sample_above: int


@dataclass(frozen=True)
class _Batch:
    """One partition's batch, folded: the rows it changes, what it sends, and the commit that holds all."""

    fold: PartitionFold
    records: Sequence[Any]
    rows: Sequence[Snapshot]
    parcels: Sequence[Parcel]
    commit: Commit


class Worker:
    """Each event with exactly one effect.

    Nothing leaves the worker before the commit, which is one transaction a partition, refused where
    another worker has moved the offset; and the commit holds all that is to leave. Whoever has the
    partition next sends and writes what its last holder may not have.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._poison: dict[tuple[int, int], str] = {}
        # Polled and not committed: the consumer has gone on from there, and cells may be half folded.
        self._unsettled: set[int] = set()
        # Partitions of which Redis remembers an outbox, or profiles owed their rows.
        self._unreleased: set[int] = set()
        # Profiles of partitions taken over whose rows may be behind.
        self._owed: dict[int, list[str]] = {}
        self._reported_s = time.monotonic()
        # Steps that came to their end.
        self.steps = 0

    @property
    def metrics(self) -> WorkerMetrics:
        """What it counts."""
        return self._parts.metrics

    def run(self, stopping: Flag, memory: Memory | None = None) -> None:
        """Work until asked to stop; `memory` is swept between steps. Raises LostRecords, RefusedRecord."""
        backoff_s = _BACKOFF_FIRST_S
        while not stopping.is_set():
            try:
                records = self.step()
                if memory is not None:
                    memory.sweep(idle=not records)
                backoff_s = _BACKOFF_FIRST_S
            except Interrupted:
                return
            except Conflict as conflict:
                self._parts.metrics.conflicts.inc()
                self._drop(self._unsettled | conflict.partitions, conflict)
            except PoisonedRecord as poison:
                self._poison[poison.partition, poison.offset] = poison.reason
                self._drop(self._unsettled, poison)
            except (RedisError, KafkaError, OSError, UnreadableState) as error:
                self._parts.metrics.retries.labels(type(error).__name__).inc()
                self._drop(self._parts.source.positions, error)
                stopping.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _BACKOFF_LAST_S)

    def step(self) -> int:
        """One poll and what follows from it; how many records it was."""
        parts = self._parts
        polled = parts.source.poll(timeout_ms=_PAYING_POLL_MS if self._pays else parts.poll_timeout_ms)
        self._unsettled = set(polled)
        # After the poll: a change of an item that an event may know of is then known here too.
        parts.items.follow()
        self._take_over()
        fault("worker: after poll")
        decoded = {partition: self._decode(records) for partition, records in polled.items()}
        wanted = {
            partition: {each.profile_id for each in batch if each.profile_id} for partition, batch in decoded.items()
        }
        fault("worker: after decode")
        cells = parts.states.load(wanted, parts.source.positions)
        fault("worker: after load")
        folds = [self._fold(partition, batch, cells[partition]) for partition, batch in decoded.items()]
        fault("worker: after fold")
        self._leave([self._finished(fold, polled[fold.partition]) for fold in folds])
        records = sum(map(len, polled.values()))
        self._rest(records)
        self.steps += 1
        return records

    def finish(self) -> None:
        """Write and send all that no event waits for. Raises Conflict, RedisError, Interrupted."""
        parts = self._parts
        while self._owed or parts.attributes.waiting:
            self._repay(_ATTRIBUTES_AT_THE_END)
            parts.attributes.write(budget=_ATTRIBUTES_AT_THE_END)
        parts.outbox.flush()
        self._release()

    @property
    def _pays(self) -> bool:
        """Whether there is more to do when no event comes."""
        return bool(self._unreleased or self._owed or self._parts.attributes.waiting)

    def _take_over(self) -> None:
        """Write and send what the last batch of partitions that are new here may have left undone."""
        parts = self._parts
        for partition in parts.source.take_placed():
            position = parts.source.positions[partition]
            parcels = unpack(position.outbox)
            fault("worker: before outbox taken over")
            parts.rows.write_behavior(newest_rows(parcels, parts.topics.features))
            fault("worker: after rows taken over")
            parts.outbox.post(parcels)
            fault("worker: after outbox taken over")
            self._unreleased.add(partition)
            self._owed[partition] = position.owed

    def _decode(self, records: Sequence[Any]) -> list[Incoming]:
        generation = self._parts.checkpoint.generation
        batch = [decode_record(record) for record in records if not is_foreign(record, generation)]
        for record in batch if self._poison else ():
            record.reason = record.reason or self._poison.get((record.partition, record.offset))
        return batch

    def _fold(self, partition: int, batch: Sequence[Incoming], cells: dict[str, Cell]) -> PartitionFold:
        received = self._parts.source.positions[partition].received
        parts = self._parts
        fold = PartitionFold(
            partition, cells, received, parts.lateness_us, parts.items.table, sample_above=parts.sample_above
        )
        for record in batch:
            fault("worker: in fold")
            fold.take(record)
        return fold

    def _finished(self, fold: PartitionFold, records: Sequence[Any]) -> _Batch:
        parts, partition = self._parts, fold.partition
        rows, history = fold.finish()
        parcels = parcels_of(fold, history, records, parts.topics, parts.checkpoint.generation)
        commit = Commit(
            partition=partition,
            start=parts.source.positions[partition].token,
            next_token=str(records[-1].offset + 1),
            states=fold.writes(rows),
            received=fold.taken,
            outbox=pack(parcels),
            owes=[row.profile_id for row in rows],
            paid=parts.attributes.take_paid(partition),
        )
        return _Batch(fold, records, rows, parcels, commit)

    def _leave(self, batches: Sequence[_Batch]) -> None:
        """Commit, then write rows and send what follows. Raises Conflict where a commit was refused."""
        if not batches:
            return
        parts = self._parts
        # These commits take the place of the outboxes before them, which Kafka must have by then.
        parts.outbox.flush()
        fault("worker: before commit")
        refused = parts.checkpoint.commit([batch.commit for batch in batches])
        fault("worker: after commit")
        kept = [batch for batch in batches if batch.commit.partition not in refused]
        parts.rows.write_behavior(row for batch in kept for row in batch.rows)
        fault("worker: after rows")
        for batch in kept:
            parts.outbox.post(batch.parcels)
            self._unreleased.add(batch.commit.partition)
        fault("worker: after outbox")
        self._settle(kept)
        fault("worker: after settle")
        if refused:
            raise Conflict(refused)

    def _settle(self, batches: Sequence[_Batch]) -> None:
        parts, now_ms = self._parts, time.time() * 1000
        for batch in batches:
            fold, partition = batch.fold, batch.commit.partition
            parts.source.advance(partition, batch.records[-1].offset + 1)
            self._unsettled.discard(partition)
            parts.attributes.note(partition, {row.profile_id: fold.cells[row.profile_id] for row in batch.rows})
            for outcome, number in fold.outcomes.items():
                parts.metrics.events.labels(outcome).inc(number)
            parts.metrics.bots.inc(fold.bot_events)
            parts.metrics.state_bytes.observe(len(row.state) for row in batch.rows)
            # A record without a key is a turn, no event.
            parts.metrics.delay.observe(
                max(0.0, now_ms - record.timestamp) / 1000 for record in batch.records if record.key is not None
            )

    def _drop(self, partitions: Iterable[int], reason: Exception) -> None:
        """Forget a batch that was not committed, and read its partitions again from the stored offsets."""
        partitions = sorted(partitions)
        _log.warning("batch dropped", partitions=partitions, reason=str(reason), error=type(reason).__name__)
        self._parts.source.displace(partitions)
        for partition in partitions:
            self._unreleased.discard(partition)
            self._owed.pop(partition, None)

    def _rest(self, events: int) -> None:
        """What no event waits for, after a batch of so many."""
        parts = self._parts
        parts.states.trim()
        busy = events > _BUSY_BATCH
        budget = _ATTRIBUTES_WITH_FEW if 0 < events <= _BUSY_BATCH else _ATTRIBUTES_WITH_MANY
        self._repay(budget)
        fault("worker: before attributes")
        parts.attributes.write(budget=budget)
        fault("worker: after attributes")
        parts.item_rows.write(leads=LEADING_PARTITION in parts.source.positions, budget=budget)
        parts.metrics.items.set(len(parts.items.table))
        parts.metrics.items_poisoned.set(parts.items.poisoned)
        if not busy and self._pays:
            self._release()
        now_s = time.monotonic()
        if now_s - self._reported_s >= _REPORT_EVERY_S:
            self._reported_s = now_s
            parts.source.report_offsets()
            if not self._pays:
                # A Redis that was failed over may have kept a commit and lost the rows after it.
                self._owed = parts.checkpoint.owed(list(parts.source.positions))
        for partition, (lane, lag) in parts.source.lags().items():
            parts.metrics.lag.labels(str(partition), lane).set(lag)

    def _repay(self, budget: int) -> None:
        """Bring the rows of some profiles that were found behind up to their states."""
        parts = self._parts
        for partition in [each for each, owed in self._owed.items() if not owed or each not in parts.source.positions]:
            del self._owed[partition]
        for partition, owed in self._owed.items():
            some, self._owed[partition] = owed[:budget], owed[budget:]
            cells = parts.states.load({partition: set(some)}, parts.source.positions)[partition]
            known = {profile_id: cell.state for profile_id, cell in cells.items() if cell.state.row_us}
            parts.rows.write_behavior(snapshot_of(name, partition, state) for name, state in known.items())
            parts.attributes.note(partition, cells)
            self._unreleased.add(partition)
            fault("worker: after owed")

    def _release(self) -> None:
        """Let Redis forget what has left: outboxes that Kafka has, profiles whose rows are written."""
        parts = self._parts
        held = parts.source.positions
        self._unreleased &= held.keys()
        if self._owed or parts.attributes.waiting or not parts.outbox.idle:
            return
        parts.outbox.flush()
        fault("worker: after acknowledgement")
        tokens = {partition: held[partition].token for partition in self._unreleased}
        parts.checkpoint.release({each: parts.attributes.take_paid(each) for each in tokens}, tokens)
        self._unreleased.clear()
