"""Folds chunks of events of all partitions, forwards and merges delivered at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from contracts.event import Event
from contracts.lake import NO_OFFSET
from contracts.snapshot import Snapshot
from features.catalogue import ItemFactsTable
from features.state import UserState
from streaming.backfill_writer import StateStore
from streaming.folding import Outgoing, PartitionFold
from streaming.records import Incoming, read_derived


@dataclass
class Folded:
    """What a chunk left: all its snapshots, and the newest of each changed profile with its state."""

    history: list[Snapshot] = field(default_factory=list)
    newest: list[tuple[Snapshot, UserState]] = field(default_factory=list)


class Folder:
    """Numbers events as they come: the number stands for the offset that they never had."""

    def __init__(self, states: StateStore, lateness_us: int, items: ItemFactsTable) -> None:
        self._states = states
        self._lateness_us = lateness_us
        self._items = items
        self._number = 0
        self._received: defaultdict[int, dict[int, int]] = defaultdict(dict)
        # Profiles by partition.
        self.changed: set[tuple[int, str]] = set()

    def take(self, chunk: Sequence[Event]) -> Folded:
        """Fold a chunk and commit its states. Raises WorkerInterfered, RedisError."""
        folded = Folded()
        batches: defaultdict[int, list[Incoming]] = defaultdict(list)
        for event in chunk:
            self._put(batches, Incoming(self._home(event.profile_id), self._number, event.profile_id, event=event))
        while batches:
            outgoing = self._fold(batches, folded)
            batches = defaultdict(list)
            for record in outgoing:
                self._put(batches, self._delivered(record))
        return folded

    def _put(self, batches: defaultdict[int, list[Incoming]], record: Incoming) -> None:
        self._number += 1
        batches[record.partition].append(record)

    def _delivered(self, record: Outgoing) -> Incoming:
        delivered = Incoming(self._home(record.profile_id), self._number, record.profile_id, origin=record.origin)
        read_derived(delivered, record.kind, record.body, record.trail)
        return delivered

    def _home(self, profile_id: str) -> int:
        return self._states.partition_of(profile_id)

    def _fold(self, batches: dict[int, list[Incoming]], folded: Folded) -> list[Outgoing]:
        cells = self._states.load({partition: {one.profile_id for one in each} for partition, each in batches.items()})
        outgoing: list[Outgoing] = []
        writes: dict[int, dict[str, bytes]] = {}
        for partition, batch in batches.items():
            fold = PartitionFold(partition, cells[partition], self._received[partition], self._lateness_us, self._items)
            for record in batch:
                fold.take(record)
            rows, history = fold.finish()
            outgoing += fold.outgoing
            writes[partition] = fold.writes(rows)
            self.changed.update((partition, row.profile_id) for row in rows)
            folded.history += [replace(one, offset=NO_OFFSET) for one in history]
            folded.newest += [(replace(row, offset=NO_OFFSET), fold.cells[row.profile_id].state) for row in rows]
        self._states.commit(writes)
        return outgoing
