"""What history says of profiles at instants: their rows' times from the lake, their values from Feast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.expressions import LessThanOrEqual

from contracts.lake import USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.instant import from_us
from training.dataset import CONSENT_COLUMN, entity_rows_of
from training.skew.sighting import History

# Rows in Python at once: lists of a hundred strings take room.
_CHUNK = 500


def read_histories(settings: Settings, profiles: Iterable[str], until_us: int) -> dict[str, History]:
    """The times of these profiles' rows at or before `until_us`. Raises LookupError where the lake has no rows."""
    table = open_table(settings, USER_BEHAVIOR)
    if table.current_snapshot() is None:
        raise LookupError("lake: expected rows of user_behavior to hold served features against, came none")
    wanted = pa.array(sorted(set(profiles)), pa.string())
    scan = table.scan(
        row_filter=LessThanOrEqual("event_timestamp", from_us(until_us).isoformat()),
        selected_fields=("user_id", "event_timestamp", "created"),
    )
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for batch in scan.to_arrow_batch_reader():
        rows = batch.filter(pc.is_in(batch["user_id"], wanted))
        columns = (rows["user_id"].to_pylist(), _us(rows["event_timestamp"]), _us(rows["created"]))
        for user, row_us, created_us in zip(*columns, strict=True):
            found[user].append((row_us, created_us))
    return {
        user: History(*(tuple(column) for column in zip(*sorted(times), strict=True))) for user, times in found.items()
    }


def past_values(store: Any, service: str, asked: Sequence[tuple[str, int, int]]) -> Iterator[dict[str, Any]]:
    """For each (user, row time, instant) the service's values of the row at or before that time, as of the instant.

    By Feast's historical retrieval, in the order of `asked`.
    """
    if not asked:
        return
    wanted = store.get_feature_service(service)
    users, until_us, at_us = zip(*asked, strict=True)
    table = store.get_historical_features(entity_df=entity_rows_of(users, until_us, at_us), features=wanted).to_arrow()
    names = [
        feature.name
        for projection in wanted.feature_view_projections
        for feature in projection.features
        if feature.name != CONSENT_COLUMN
    ]
    for batch in table.select(names).to_batches(max_chunksize=_CHUNK):
        yield from batch.to_pylist()


def _us(column: pa.Array) -> list[int]:
    times: list[int] = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
    return times
