"""The worker's loop: poll, decode, read, fold, write features, publish history, commit."""

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
from features.state import encode_state
from streaming.attributes import AttributeRows
from streaming.cells import Cell
from streaming.checkpoint import Checkpoint, Commit, Conflict
from streaming.feature_rows import FeatureRows
from streaming.folding import PartitionFold, PoisonedRecord
from streaming.items import LEADING_PARTITION, ItemRows, Items
from streaming.metrics import WorkerMetrics
from streaming.outbox import Interrupted, Outbox
from streaming.publish import publish
from streaming.records import Incoming, decode_record, is_foreign
from streaming.source import Polled, Source
from streaming.states import States

_log = structlog.get_logger()

_BACKOFF_FIRST_S, _BACKOFF_LAST_S = 0.05, 2.0
_REPORT_EVERY_S = 5.0
# Attribute rows follow a batch of clicks at once and a full batch bit by bit.
_BUSY_BATCH, _ATTRIBUTES_WHEN_BUSY, _ATTRIBUTES_WHEN_IDLE = 200, 50, 500


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


class Worker:
    """Each event with exactly one effect.

    Everything before the commit may be repeated and changes nothing by that; the commit is one
    transaction a partition, refused where another worker has moved the offset.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._poison: dict[tuple[int, int], str] = {}
        # Polled and not committed: the consumer has gone on from there, and cells may be half folded.
        self._unsettled: set[int] = set()
        self._reported_s = time.monotonic()

    @property
    def metrics(self) -> WorkerMetrics:
        """What it counts."""
        return self._parts.metrics

    def run(self, stopping: Flag) -> None:
        """Work until asked to stop. Raises LostRecords, RefusedRecord."""
        backoff_s = _BACKOFF_FIRST_S
        while not stopping.is_set():
            try:
                self.step()
                backoff_s = _BACKOFF_FIRST_S
            except Interrupted:
                return
            except Conflict as conflict:
                self._parts.metrics.conflicts.inc()
                self._drop(self._unsettled | conflict.partitions, conflict)
            except PoisonedRecord as poison:
                self._poison[poison.partition, poison.offset] = poison.reason
                self._drop(self._unsettled, poison)
            except (RedisError, KafkaError, OSError) as error:
                self._parts.metrics.retries.labels(type(error).__name__).inc()
                self._drop(self._parts.source.positions, error)
                stopping.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _BACKOFF_LAST_S)

    def step(self) -> None:
        """One poll and what follows from it."""
        parts = self._parts
        polled = parts.source.poll(timeout_ms=parts.poll_timeout_ms)
        self._unsettled = set(polled)
        # After the poll: a change of an item that an event may know of is then known here too.
        parts.items.follow()
        decoded = {partition: self._decode(partition, records) for partition, records in polled.items()}
        wanted = {partition: {each.profile_id for each in batch} for partition, batch in decoded.items()}
        cells = parts.states.load(wanted, parts.source.positions)
        folds = [self._fold(partition, batch, cells[partition]) for partition, batch in decoded.items()]
        finished = [fold.finish() for fold in folds]
        rows = {fold.partition: rows for fold, (rows, _) in zip(folds, finished, strict=True)}
        parts.rows.write_behavior(row for changed in rows.values() for row in changed)
        histories = [history for _, history in finished]
        publish(parts.outbox, parts.topics, folds, histories, polled, parts.checkpoint.generation)
        commits = [self._commit(fold, rows[fold.partition], polled) for fold in folds]
        refused = parts.checkpoint.commit(commits) if commits else set()
        self._settle(folds, rows, refused, polled)
        self._rest(polled)

    def _decode(self, partition: int, records: Sequence[Any]) -> list[Incoming]:
        generation = self._parts.checkpoint.generation
        batch = [decode_record(record) for record in records if not is_foreign(record, generation)]
        for record in batch if self._poison else ():
            record.reason = record.reason or self._poison.get((partition, record.offset))
        return batch

    def _fold(self, partition: int, batch: Sequence[Incoming], cells: dict[str, Cell]) -> PartitionFold:
        received = self._parts.source.positions[partition].received
        fold = PartitionFold(partition, cells, received, self._parts.lateness_us, self._parts.items.table)
        for record in batch:
            fold.take(record)
        return fold

    def _commit(self, fold: PartitionFold, rows: Sequence[Snapshot], polled: Polled) -> Commit:
        start = self._parts.source.positions[fold.partition].token
        next_token = str(polled[fold.partition][-1].offset + 1)
        return Commit(fold.partition, start, next_token, fold.writes(rows), fold.taken)

    def _settle(
        self, folds: Sequence[PartitionFold], rows: dict[int, list[Snapshot]], refused: set[int], polled: Polled
    ) -> None:
        parts, now_ms = self._parts, time.time() * 1000
        for fold in folds:
            partition, records = fold.partition, polled[fold.partition]
            if partition in refused:
                continue
            parts.source.advance(partition, records[-1].offset + 1)
            self._unsettled.discard(partition)
            parts.attributes.note(partition, {row.profile_id: fold.cells[row.profile_id] for row in rows[partition]})
            for outcome, number in fold.outcomes.items():
                parts.metrics.events.labels(outcome).inc(number)
            for record in records:
                parts.metrics.observe_delay((now_ms - record.timestamp) / 1000)
        if refused:
            self._heal({partition: rows[partition] for partition in refused})
            raise Conflict(refused)

    def _heal(self, rows: dict[int, list[Snapshot]]) -> None:
        """Show the stored states again where this worker's rows may have overtaken their owner's."""
        checkpoint = self._parts.checkpoint
        healed = []
        for partition, written in rows.items():
            stored = checkpoint.stored(partition, [row.profile_id for row in written])
            for row, cell in zip(written, stored.cells, strict=True):
                state = cell.state
                if cell.alias is None and state.version:
                    healed.append(
                        Snapshot(
                            profile_id=row.profile_id,
                            partition=partition,
                            offset=stored.offset - 1,
                            event_us=state.event_us,
                            row_us=state.row_us,
                            version=state.version,
                            training=state.training,
                            state=encode_state(state),
                        )
                    )
        self._parts.rows.write_behavior(healed)

    def _drop(self, partitions: Iterable[int], reason: Exception) -> None:
        """Forget a batch that was not committed, and read its partitions again from the stored offsets."""
        partitions = sorted(partitions)
        _log.warning("batch dropped", partitions=partitions, reason=str(reason), error=type(reason).__name__)
        self._parts.outbox.discard()
        self._parts.source.displace(partitions)

    def _rest(self, polled: Polled) -> None:
        """What no event waits for."""
        parts = self._parts
        parts.states.trim()
        busy = sum(map(len, polled.values())) > _BUSY_BATCH
        budget = _ATTRIBUTES_WHEN_BUSY if busy else _ATTRIBUTES_WHEN_IDLE
        parts.attributes.write(budget=budget)
        parts.item_rows.write(leads=LEADING_PARTITION in parts.source.positions, budget=budget)
        parts.metrics.items.set(len(parts.items.table))
        parts.metrics.items_poisoned.set(parts.items.poisoned)
        now_s = time.monotonic()
        if now_s - self._reported_s >= _REPORT_EVERY_S:
            self._reported_s = now_s
            parts.source.report_offsets()
        for partition in parts.source.positions:
            lag = parts.source.lag(partition)
            if lag is not None:
                parts.metrics.lag.labels(str(partition)).set(lag)
