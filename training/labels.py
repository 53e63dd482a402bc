"""Labels from the lake: each purchase moment of a visitor, and the basket of items bought then."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyiceberg.table import Table

from contracts.event import EventType
from contracts.lake import EVENTS, USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.instant import from_us
from features.state import decode_state
from training.cleaning import PURCHASE_COLUMNS, REFUND_COLUMNS, CleaningReport, Evidence, clean_purchases
from training.config import CleaningConfig


@dataclass(frozen=True)
class Moment:
    """One visitor's purchases at one instant: what they chose (`basket`) and had bought before (`bought`).

    `country` is the event's own, empty where unknown; it counts what is popular where, and is no feature.
    """

    user_id: str
    at_us: int
    basket: frozenset[str]
    bought: frozenset[str]
    country: str = ""


@dataclass(frozen=True)
class Labels:
    """Moments in time order, the snapshot of the events table that they were read from, and what was left out.

    `committed_at` is when the lake took that snapshot.
    """

    moments: tuple[Moment, ...]
    snapshot_id: int
    committed_at: datetime
    cleaning: CleaningReport


def read_labels(settings: Settings, config: CleaningConfig | None = None, items: Set[str] | None = None) -> Labels:
    """Every purchase that may be used for training and is a person's choice; `items` is what the shop sells.

    Raises LookupError where the lake holds none.
    """
    table = open_table(settings, EVENTS)
    snapshot = table.current_snapshot()
    rows = _of_type(table, EventType.PURCHASE, (*PURCHASE_COLUMNS, "country"))
    refunds = _of_type(table, EventType.REFUND, REFUND_COLUMNS)
    evidence = Evidence(read_bots(settings), refunds, items)
    rows, report = clean_purchases(rows, evidence, config or CleaningConfig())
    if snapshot is None or rows.num_rows == 0:
        raise LookupError("lake: expected purchases to learn from, came none; run `clickloop load` or `backfill` first")
    committed_at = from_us(snapshot.timestamp_ms * 1000)
    return Labels(tuple(moments_of(rows)), snapshot.snapshot_id, committed_at, report)


def _of_type(table: Table, kind: EventType, columns: tuple[str, ...]) -> pa.Table:
    allowed = f"type == '{kind.value}' and consent_training == true and item_id is not null"
    return table.scan(row_filter=allowed, selected_fields=columns).to_arrow()


def read_bots(settings: Settings) -> frozenset[str]:
    """Profiles that have been taken for bots: what they bought before that is no label either."""
    rows = (
        open_table(settings, USER_BEHAVIOR)
        .scan(row_filter="training == false", selected_fields=("user_id", "event_timestamp", "state"))
        .to_arrow()
    )
    newest = rows.sort_by("event_timestamp")
    states = dict(zip(newest["user_id"].to_pylist(), newest["state"].to_pylist(), strict=True))
    return frozenset(user for user, state in states.items() if state is not None and decode_state(state).bot)


def moments_of(rows: pa.Table) -> list[Moment]:
    """Group purchases (profile_id, timestamp, item_id, country) by instant and visitor, in that order."""
    at_us = rows["timestamp"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    users = np.array(rows["profile_id"].to_pylist(), dtype=object)
    items = rows["item_id"].to_pylist()
    countries = rows["country"].to_pylist()
    bought: dict[str, frozenset[str]] = {}
    moments = []
    for start, end, order in _groups(users, at_us):
        user, instant = str(users[order[start]]), int(at_us[order[start]])
        basket = frozenset(items[row] for row in order[start:end])
        before = bought.get(user, frozenset())
        moments.append(Moment(user, instant, basket, before, countries[order[start]] or ""))
        bought[user] = before | basket
    return moments


def _groups(users: NDArray[np.object_], at_us: NDArray[np.int64]) -> Iterable[tuple[int, int, NDArray[np.int64]]]:
    _, codes = np.unique(users.astype(str), return_inverse=True)
    order = np.lexsort((codes, at_us))
    change = (np.diff(codes[order]) != 0) | (np.diff(at_us[order]) != 0)
    starts = np.concatenate(([0], np.flatnonzero(change) + 1))
    ends = np.concatenate((starts[1:], [len(order)]))
    return ((int(start), int(end), order) for start, end in zip(starts, ends, strict=True))
