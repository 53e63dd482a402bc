"""The catalogue: into the file that serving reads, the lake's `items`, and the online rows of items."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.lake import ITEMS, SCHEMAS, identifier, open_catalog
from contracts.settings import Settings
from features.instant import to_us
from streaming.feature_rows import FeatureRows, OnlineRow
from streaming.history import shop_catalogue_path
from streaming.lake_commit import insist

ITEM_VIEW = "item_features"
_COLUMNS = ("name", "price", "category", "available")
_CHUNK_ROWS = 1000

# An item's first row holds from here on: the shop says what an item is, not since when.
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


def load_catalogue(settings: Settings, *, source: Path | None = None, store: Any = None) -> int:
    """Load a catalogue (Parquet of item_id, name, price, category, perhaps available); the number of its items.

    `source` is the shop's own where none is given. Loading the same again changes nothing; an item
    that has changed gets a row from now on, beside its older one. Raises ValueError on a bad file.
    """
    items = read_items(source or shop_catalogue_path(settings))
    _write_file(settings.catalogue_path, items)
    now = datetime.now(UTC)
    _write_lake(settings, items, now)
    if store is None:
        from feature_repo.store import open_store

        store = open_store(settings)
    rows = FeatureRows(store)
    for batch in items.to_batches(max_chunksize=_CHUNK_ROWS):
        found = batch.to_pylist()
        rows.write(
            ITEM_VIEW, [OnlineRow(one["item_id"], to_us(now), {name: one[name] for name in _COLUMNS}) for one in found]
        )
    return int(items.num_rows)


def read_items(path: Path) -> pa.Table:
    """Items by id, `available` true where the file says nothing. Raises ValueError."""
    table = pq.read_table(path)
    missing = [name for name in ("item_id", "name", "price", "category") if name not in table.column_names]
    if missing:
        raise ValueError(f"{path}: expected columns item_id, name, price, category; missing {', '.join(missing)}")
    if "available" not in table.column_names:
        table = table.append_column("available", pa.array([True] * table.num_rows))
    table = table.select(["item_id", *_COLUMNS])
    if table.num_rows != pc.count_distinct(table["item_id"]).as_py():
        raise ValueError(f"{path}: expected one row an item_id, came {table.num_rows} rows with repeated ones")
    return table


def _write_file(path: Path, items: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(items, partial)
    partial.replace(path)


def _write_lake(settings: Settings, items: pa.Table, now: datetime) -> None:
    table = open_catalog(settings).load_table(identifier(ITEMS))
    known: dict[str, dict[str, Any]] = {}
    for row in table.scan().to_arrow().sort_by([("event_timestamp", "ascending")]).to_pylist():
        known[row["item_id"]] = row
    rows = []
    for item in items.to_pylist():
        before = known.get(item["item_id"])
        if before is None or any(before[name] != item[name] for name in _COLUMNS):
            rows.append({**item, "event_timestamp": _ALWAYS if before is None else now, "created": now})
    if rows:
        insist(table, lambda newest: newest.append(pa.Table.from_pylist(rows, schema=SCHEMAS[ITEMS])))
