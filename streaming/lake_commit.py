"""Appends to the lake that carry their Kafka offsets in the snapshot they make."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pyarrow as pa
import structlog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from sqlalchemy.exc import OperationalError

_log = structlog.get_logger()

OFFSETS_PROPERTY = "kafka.offsets"
SOURCES_PROPERTY = "clickloop.sources"

_ATTEMPTS = 8
_WAIT_S = 0.05

T = TypeVar("T")
Offsets = dict[int, int]
Sources = dict[str, int]


class Overtaken(Exception):
    """Somebody else committed Kafka offsets to the table since they were read."""


def stored_offsets(table: Table, topic: str) -> tuple[Offsets, Sources]:
    """Of the newest snapshot that names them: next offset by partition of `topic`, newest offset by source.

    Deletions and backfills make snapshots without offsets; those say nothing of Kafka.
    """
    snapshot = table.current_snapshot()
    while snapshot is not None:
        summary = snapshot.summary
        found = None if summary is None else summary.additional_properties.get(OFFSETS_PROPERTY)
        if summary is not None and found is not None:
            sources = summary.additional_properties.get(SOURCES_PROPERTY, "{}")
            return _numbers(json.loads(found).get(topic, {})), json.loads(sources)
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.snapshot_by_id(parent)
    return {}, {}


def append_with_offsets(table: Table, rows: pa.Table, topic: str, offsets: Offsets, sources: Sources) -> None:
    """Append rows and offsets in one commit to the table as it was read.

    Raises CommitFailedException where the table has moved on: refresh and look again.
    """
    properties = {OFFSETS_PROPERTY: json.dumps({topic: offsets})}
    if sources:
        properties[SOURCES_PROPERTY] = json.dumps(sources)
    table.append(rows, snapshot_properties=properties)


def insist(table: Table, change: Callable[[Table], T]) -> T:
    """`change` applied to the newest table, again after losing a race to another writer.

    Raises CommitFailedException, OperationalError when it has lost them all.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return change(table)
        except (CommitFailedException, OperationalError) as error:
            if attempt == _ATTEMPTS:
                raise
            _log.warning("lake table moved on, again", table=".".join(table.name()), error=str(error))
            time.sleep(_WAIT_S * 2**attempt)
            table.refresh()
    raise AssertionError("unreachable")


def _numbers(stored: Mapping[str, Any]) -> Offsets:
    return {int(partition): int(offset) for partition, offset in stored.items()}
