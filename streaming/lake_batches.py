"""Appends to the lake that carry the number of an engine's batch: a batch that comes again adds nothing."""

from __future__ import annotations

import json
from typing import NamedTuple

import pyarrow as pa
from pyiceberg.table import Table

from streaming.lake_commit import insist

BATCH_PROPERTY = "clickloop.batch"


class BatchMark(NamedTuple):
    """The newest batch in a table. `run` tells one checkpoint's numbering from another's."""

    run: str
    batch: int


class AnotherRun(RuntimeError):
    """A table holds batches of another checkpoint: to go on would write its history a second time."""


def stored_mark(table: Table) -> BatchMark | None:
    """Of the newest snapshot that names a batch; None where none does."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        summary = snapshot.summary
        found = None if summary is None else summary.additional_properties.get(BATCH_PROPERTY)
        if found is not None:
            return BatchMark(**json.loads(found))
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.snapshot_by_id(parent)
    return None


def append_batch(table: Table, rows: pa.Table, mark: BatchMark) -> bool:
    """Append the rows of a batch unless the table has them; whether it was done.

    Raises AnotherRun, CommitFailedException, OperationalError.
    """
    if not rows.num_rows:
        return False
    return insist(table, lambda newest: _append(newest, rows, mark))


def _append(table: Table, rows: pa.Table, mark: BatchMark) -> bool:
    # Looked at anew before each attempt: the commit is refused where the table moved on in between.
    stored = stored_mark(table)
    if stored is not None and stored.run != mark.run:
        raise AnotherRun(
            f"{'.'.join(table.name())}: expected batches of run {mark.run}, came run {stored.run}. Start with the "
            "checkpoint that wrote it, or with a home, a Redis prefix and a topic prefix of its own"
        )
    if stored is not None and stored.batch >= mark.batch:
        return False
    table.append(rows, snapshot_properties={BATCH_PROPERTY: json.dumps(mark._asdict())})
    return True
