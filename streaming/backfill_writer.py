"""Where a backfill writes: states in Redis, rows in the online store, history in the lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.expressions import EqualTo
from pyiceberg.table import Table
from redis import Redis

from contracts.event import Event
from contracts.keys import StateKeys, glob_literal
from contracts.lake import (
    EVENTS,
    NO_OFFSET,
    USER_BEHAVIOR,
    USER_DEMOGRAPHICS,
    USER_SEGMENTS,
    identifier,
    open_catalog,
)
from contracts.settings import Settings
from streaming.attributes import write_attribute_rows
from streaming.cells import Cell
from streaming.checkpoint import Checkpoint, Commit, renewed
from streaming.feature_rows import FeatureRows
from streaming.folding import snapshot_of
from streaming.lake_commit import insist
from streaming.lake_rows import AttributeHistory, Placed, behavior_rows, event_rows
from streaming.partitioning import partition_of
from streaming.states import States

if TYPE_CHECKING:
    from streaming.backfill_folder import Folded

_LAKE_ROWS = 100_000
_ONLINE_ROWS = 500
_DELETED_KEYS = 1000


class WorkerInterfered(RuntimeError):
    """A worker committed while a backfill did."""


class StateStore:
    """States of every partition, in the generation that serves, committed by the worker's own transaction."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._partitions = settings.kafka.partitions
        prefix = settings.redis.key_prefix
        self._checkpoint = Checkpoint(redis, prefix=prefix)
        self._checkpoint.follow()
        keys = StateKeys(0, generation=self._checkpoint.generation)
        self._pattern = glob_literal(prefix.encode()) + keys.state("*").replace("-0}", "-*}").encode()
        self._states = States(self._checkpoint, capacity=settings.worker.cache_profiles)
        self._positions = self._checkpoint.positions(range(self._partitions))

    def partition_of(self, profile_id: str) -> int:
        """The partition that the worker would find the profile in."""
        return partition_of(profile_id, self._partitions)

    def exist(self) -> bool:
        """Whether any profile has a state. Raises RedisError."""
        return next(iter(self._redis.scan_iter(self._pattern, count=1000)), None) is not None

    def clear(self) -> None:
        """Drop every state, and let no worker commit what it has folded onto one. Raises WorkerInterfered."""
        self.commit({partition: {} for partition in range(self._partitions)})
        keys = iter(self._redis.scan_iter(self._pattern, count=1000))
        while some := list(islice(keys, _DELETED_KEYS)):
            self._redis.unlink(*some)

    def load(self, wanted: Mapping[int, Set[str]]) -> dict[int, dict[str, Cell]]:
        """Cells by partition and profile."""
        self._states.trim()
        return self._states.load(wanted, self._positions)

    def commit(self, writes: Mapping[int, Mapping[str, bytes]]) -> None:
        """Store states by partition and profile; offsets keep their value. Raises WorkerInterfered."""
        commits = []
        for partition, states in writes.items():
            token = self._positions[partition].token
            commits.append(Commit(partition, token, renewed(token), states))
        refused = self._checkpoint.commit(commits)
        if refused:
            raise WorkerInterfered(
                f"expected no worker to commit during a backfill, one did on partitions {sorted(refused)}; "
                "stop it, or backfill before there is traffic, and run again with --replace"
            )
        for commit in commits:
            self._positions[commit.partition].token = commit.next_token


class OnlineWriter:
    """Rows of every view that the worker writes."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._rows = FeatureRows(store)

    def clear(self) -> None:
        """Drop the users' rows: newer ones would outlive a backfill's."""
        for name in (USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS):
            view = self._store.get_feature_view(name)
            self._store.provider.online_store.delete_table(self._store.config, view)

    def write(self, states: StateStore, changed: Iterable[tuple[int, str]]) -> None:
        """Write the rows of these profiles as their states stand."""
        profiles = iter(sorted(changed))
        while some := list(islice(profiles, _ONLINE_ROWS)):
            wanted: dict[int, set[str]] = {}
            for partition, profile_id in some:
                wanted.setdefault(partition, set()).add(profile_id)
            cells = [
                (partition, profile_id, cell)
                for partition, found in states.load(wanted).items()
                for profile_id, cell in found.items()
                if cell.alias is None
            ]
            self._rows.write_behavior(snapshot_of(name, partition, cell.state) for partition, name, cell in cells)
            write_attribute_rows(self._rows, [(name, cell.state) for _, name, cell in cells])


class LakeWriter:
    """Appends to the lake in large pieces; every row says by NO_OFFSET that it is a backfill's."""

    def __init__(self, settings: Settings) -> None:
        catalog = open_catalog(settings)
        names = (EVENTS, USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS)
        self._tables = {name: catalog.load_table(identifier(name)) for name in names}
        self._pending: dict[str, list[pa.Table]] = {name: [] for name in names}
        self._attributes = {name: AttributeHistory(name) for name in (USER_DEMOGRAPHICS, USER_SEGMENTS)}
        self._rows = 0
        self.snapshots = 0

    def clear(self) -> None:
        """Drop the rows of earlier backfills."""
        for table in self._tables.values():
            if table.current_snapshot() is not None:
                insist(table, lambda newest: newest.delete(EqualTo("offset", NO_OFFSET)))

    def add(self, chunk: Sequence[Event], folded: Folded) -> None:
        """Take a chunk's events and snapshots."""
        events = [Placed(partition=NO_OFFSET, offset=NO_OFFSET, value=event) for event in chunk]
        pieces = {EVENTS: event_rows(events), USER_BEHAVIOR: behavior_rows(folded.history)}
        pieces.update((name, history.rows(folded.newest)) for name, history in self._attributes.items())
        for name, piece in pieces.items():
            self._pending[name].append(piece)
        self.snapshots += len(folded.history)
        self._rows += len(chunk)
        if self._rows >= _LAKE_ROWS:
            self.flush()

    def flush(self) -> None:
        """Append what is pending."""
        for name, pieces in self._pending.items():
            if sum(piece.num_rows for piece in pieces):
                _append(self._tables[name], pa.concat_tables(pieces))
            pieces.clear()
        self._rows = 0


def _append(table: Table, rows: pa.Table) -> None:
    insist(table, lambda newest: newest.append(rows))
