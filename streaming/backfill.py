"""States, online rows and history from events that never went through Kafka, by the same fold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import structlog
from redis import Redis

from contracts.event import Event
from contracts.settings import Settings
from features.instant import SECOND_US
from privacy.pseudonym import Pseudonymizer
from streaming.backfill_folder import Folder
from streaming.backfill_writer import LakeWriter, OnlineWriter, StateStore
from streaming.history import purchase_events, read_purchases
from streaming.item_history import read_facts
from streaming.ownership import WORKER, claim

_log = structlog.get_logger()

_CHUNK_EVENTS = 20_000

# Calls back with events done and events in all.
Progress = Callable[[int, int], None]


class StatesExist(RuntimeError):
    """A backfill would overwrite what the worker has folded."""


@dataclass(frozen=True)
class Backfilled:
    """What a backfill wrote."""

    events: int
    profiles: int
    snapshots: int


def backfill_purchases(
    settings: Settings, progress: Progress | None = None, *, replace: bool = False, now: datetime | None = None
) -> Backfilled:
    """Fold the shop's year of purchases, moved to end yesterday. Raises StatesExist, WorkerInterfered."""
    purchases = read_purchases(settings, now or datetime.now(UTC))
    events = purchase_events(purchases, Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value()))
    return backfill(settings, events, progress, total=purchases.num_rows, replace=replace)


def backfill(
    settings: Settings,
    events: Iterable[Event],
    progress: Progress | None = None,
    *,
    total: int = 0,
    replace: bool = False,
    store: Any = None,
) -> Backfilled:
    """Fold events, pseudonyms in them already, in the order in which they would have arrived.

    Stored offsets keep their value, so the worker goes on where it was. Rows of an earlier
    backfill are replaced; one that was killed is run again with `replace`. `store` is an opened
    Feast store, `feature_repo.store.open_store`'s where none is given. Raises StatesExist where
    there are states and not `replace`, WorkerInterfered where a worker commits meanwhile, OwnedByAnother
    where Spark folds.
    """
    redis = Redis.from_url(settings.redis.url)
    claim(redis, settings, WORKER)
    states = StateStore(redis, settings)
    if states.exist() and not replace:
        raise StatesExist(
            "expected no states in Redis, came some: a backfill would overwrite them; "
            "with --replace it drops them and starts from its events alone"
        )
    online = OnlineWriter(_opened(settings) if store is None else store)
    lake = LakeWriter(settings)
    lake.clear()
    if states.exist():
        online.clear()
    states.clear()
    folder, done = Folder(states, settings.worker.lateness_s * SECOND_US, read_facts(settings)), 0
    for chunk in _chunks(events):
        folded = folder.take(chunk)
        lake.add(chunk, folded)
        done += len(chunk)
        if progress is not None:
            progress(done, max(total, done))
    lake.flush()
    online.write(states, folder.changed)
    _log.info("backfilled", events=done, profiles=len(folder.changed), snapshots=lake.snapshots)
    return Backfilled(done, len(folder.changed), lake.snapshots)


def _opened(settings: Settings) -> Any:
    from feature_repo.store import open_store

    return open_store(settings)


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    iterator = iter(events)
    while chunk := list(islice(iterator, _CHUNK_EVENTS)):
        yield chunk
