"""A bucket of the lake's events folded into the new generation, in a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace
from redis import Redis

from contracts.keys import StateKeys
from contracts.lake import NO_OFFSET, USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS
from contracts.settings import Settings
from contracts.snapshot import Snapshot
from features.instant import HOUR_US, SECOND_US
from features.state import UserState, decode_state
from streaming.attributes import write_attribute_rows
from streaming.feature_rows import FeatureRows
from streaming.item_history import read_facts
from streaming.lake_rows import AttributeHistory, behavior_rows
from streaming.partitioning import partition_of
from streaming.refold import Folding, Refolded, refold
from streaming.shuffle import Dealt, read_bucket

HISTORY_TABLES = (USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS)
_WRITTEN_AT_ONCE = 500


@dataclass(frozen=True)
class BucketTask:
    """What a process needs to know of a bucket. `groups` holds the profiles of it that are not alone."""

    path: Path
    groups: Mapping[str, str]
    history: bool


@dataclass
class BucketDone:
    """What a bucket left. `pieces` are files of history rows by table, in `contracts.lake`'s schema."""

    events: int = 0
    profiles: int = 0
    snapshots: int = 0
    poisoned: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    pieces: dict[str, Path] = field(default_factory=dict)


class BucketWriter:
    """Folds buckets and writes what they leave under one generation."""

    def __init__(self, settings: Settings, generation: int, store: Any) -> None:
        self._settings = settings
        self._generation = generation
        self._redis = Redis.from_url(settings.redis.url)
        self._rows = FeatureRows(store)
        self._rows.use(generation)
        self._items = read_facts(settings)
        self._waiting: list[Refolded] = []

    def fold(self, task: BucketTask) -> BucketDone:
        """Fold a bucket from nothing and write it. Raises RedisError, OSError."""
        dealt = read_bucket(task.path, task.groups)
        done, history = BucketDone(events=len(dealt.events)), list[Snapshot]()
        how = Folding(
            self._items, self._settings.worker.lateness_s * SECOND_US, task.history, self._settings.worker.sample_above
        )
        for begin, end in dealt.spans:
            person = refold(dealt.events[begin:end], how)
            done.profiles += len(person.writes)
            done.poisoned += len(person.poisoned)
            done.outcomes.update(person.outcomes)
            history += [self._placed(dealt, begin + number, one) for number, one in person.history]
            self._waiting.append(person)
            if len(self._waiting) == _WRITTEN_AT_ONCE:
                self._write()
        self._write()
        done.snapshots = len(history)
        if history:
            done.pieces = _write_history(task.path, history)
        return done

    def _placed(self, dealt: Dealt, number: int, one: Snapshot) -> Snapshot:
        """The snapshot with the place of its event; a backfilled one's home stands for it."""
        partition, offset = dealt.partitions[number], dealt.offsets[number]
        if partition == NO_OFFSET:
            partition = partition_of(one.profile_id, self._settings.kafka.partitions)
        return replace(one, partition=partition, offset=offset)

    def _write(self) -> None:
        """Write the states and online rows of those that wait."""
        people, self._waiting = self._waiting, []
        prefix, partitions = self._settings.redis.key_prefix, self._settings.kafka.partitions
        pipe = self._redis.pipeline(transaction=False)
        for person in people:
            for profile_id, payload in person.writes.items():
                keys = StateKeys(partition_of(profile_id, partitions), prefix, self._generation)
                pipe.set(keys.state(profile_id), payload)
        pipe.execute()
        rows = [row for person in people for row in person.rows]
        self._rows.write_behavior(rows)
        cells = [(row.profile_id, person.cells[row.profile_id]) for person in people for row in person.rows]
        write_attribute_rows(self._rows, [(name, cell.state) for name, cell in cells if cell.alias is None])


def _write_history(path: Path, history: list[Snapshot]) -> dict[str, Path]:
    pieces: dict[str, pa.Table] = {USER_BEHAVIOR: behavior_rows(history)}
    changes = list(hourly(history))
    for name in (USER_DEMOGRAPHICS, USER_SEGMENTS):
        pieces[name] = AttributeHistory(name).rows(changes)
    found = {}
    for name, piece in pieces.items():
        found[name] = path.with_suffix(f".{name}.parquet")
        pq.write_table(piece, found[name])
    return found


def hourly(history: list[Snapshot]) -> list[tuple[Snapshot, UserState]]:
    """The last snapshot of each profile and hour of event time, decoded: attributes change no faster than that."""
    last = {(one.profile_id, one.event_us // HOUR_US): one for one in history}
    return [(one, decode_state(one.state)) for one in last.values()]


_writer: BucketWriter | None = None


def start(settings: Settings, generation: int) -> None:
    """Make this process ready for buckets; it ends with the one that started it."""
    global _writer
    _die_with_parent()
    from feature_repo.store import open_store

    _writer = BucketWriter(settings, generation, open_store(settings))
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def fold_bucket(task: BucketTask) -> BucketDone:
    """Fold a bucket in a process that `start` made ready."""
    if _writer is None:
        raise RuntimeError("expected a process made ready by `start`")
    return _writer.fold(task)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow_to_death, args=(parent.join,), daemon=True).start()


def _follow_to_death(join: Callable[[], None]) -> None:
    join()
    os._exit(1)
