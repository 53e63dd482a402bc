"""The catalogue that was loaded last: what there is to recommend until the topic `items` has been read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.item import Item


def read_catalogue(path: Path) -> dict[str, Item]:
    """Items by id, in the file's order. Raises OSError where it cannot be read, ValueError where it is no catalogue."""
    try:
        rows = pq.read_table(path).to_pylist()
        items = msgspec.convert(rows, list[Item])
    except (pa.ArrowInvalid, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: expected Parquet of items (item_id, name, price, category): {error}") from error
    return {item.item_id: item for item in items}
