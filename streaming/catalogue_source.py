"""Reads a file of items: Parquet, CSV or JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.item import FIELDS, REQUIRED, InvalidItem, Item, parse_item

# A row with its place in the file, or why it cannot be read.
_Row = tuple[int, Any]


@dataclass
class ReadItems:
    """The items of a file by id, and for each row that is none its number and what is wrong with it."""

    items: dict[str, Item] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)


def read_items(path: Path) -> ReadItems:
    """Items of a `.parquet`, `.csv` or `.jsonl` file; columns that an item has not are passed over.

    Raises ValueError where the file as a whole is none of these, OSError where it cannot be read.
    """
    readers = {".parquet": _parquet, ".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: expected a file named {', '.join(f'*{suffix}' for suffix in readers)}")
    found = ReadItems()
    for number, row in reader(path):
        try:
            if isinstance(row, InvalidItem):
                raise row
            item = parse_item(row, from_text=reader is _csv)
            if item.item_id in found.items:
                raise InvalidItem(f"item_id: expected each once, came {item.item_id!r} again")
        except InvalidItem as error:
            found.bad.append((number, str(error)))
        else:
            found.items[item.item_id] = item
    return found


def _parquet(path: Path) -> Iterator[_Row]:
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: expected Parquet: {error}") from error
    _require(path, table.column_names)
    table = table.select([name for name in FIELDS if name in table.column_names])
    number = 0
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            number += 1
            yield number, row


def _csv(path: Path) -> Iterator[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            _require(path, list(reader.fieldnames or ()))
            for row in reader:
                yield reader.line_num, {name: row[name] for name in FIELDS if row.get(name) is not None}
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected CSV in UTF-8: {error}") from error


def _json_lines(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield number, InvalidItem(f"expected a JSON object: {error}")
            continue
        yield number, {name: row[name] for name in FIELDS if name in row} if isinstance(row, dict) else row


def _require(path: Path, columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ValueError(f"{path}: expected columns {', '.join(REQUIRED)}; missing {', '.join(missing)}")
