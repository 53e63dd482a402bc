"""The catalogue as a file: what the topic `items` said up to an offset, for whoever starts without Kafka."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.item import Item

OFFSET = b"clickloop.items.offset"
_SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("price", pa.float64(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("available", pa.bool_(), nullable=False),
        pa.field("brand", pa.string()),
    ]
)


def write_catalogue(path: Path, items: Iterable[Item], *, offset: int) -> bool:
    """Lay the items, as the topic had them before `offset`, at `path` in one step; False where it holds newer ones."""
    if offset < written_offset(path):
        return False
    rows = [{name: getattr(item, name) for name in _SCHEMA.names} for item in items]
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["item_id"]), schema=_SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(table.replace_schema_metadata({OFFSET: str(offset).encode()}), partial)
    partial.replace(path)
    return True


def written_offset(path: Path) -> int:
    """The offset that the file stands for; 0 where there is none, or none that says."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        return int(metadata.get(OFFSET, b"0"))
    except (OSError, pa.ArrowInvalid, ValueError):
        return 0
