"""The lake's feature history replaced by what a rebuild made of the same events, in one commit a table."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.expressions import And, BooleanExpression, EqualTo, LessThan, Or
from pyiceberg.table import Table

from contracts.lake import USER_BEHAVIOR, identifier, open_catalog
from contracts.settings import Settings
from contracts.snapshot import Snapshot
from contracts.topics import Topics
from streaming.lake_commit import OFFSETS_PROPERTY, SOURCES_PROPERTY, Offsets, insist, stored_offsets
from streaming.lake_rows import AttributeHistory, behavior_rows
from streaming.rebuild_bucket import HISTORY_TABLES, hourly


@dataclass(frozen=True)
class NewHistory:
    """History by table in files, and the snapshots that came after it.

    `ends`: by partition of `events`, up to which offset all of it is here. `closed_at`: before then, whatever
    the lake sink wrote came from records below `ends`.
    """

    pieces: Sequence[dict[str, Path]]
    snapshots: Sequence[Snapshot]
    ends: Offsets
    closed_at: datetime


def replace_history(settings: Settings, new: NewHistory) -> int:
    """Replace the rows below `new.ends`; rows of behaviour now there. Raises CommitFailedException, OSError.

    Kafka's offsets stay as they are, so the sink goes on without a gap; snapshots of the old history that it
    has not taken yet are marked as taken.
    """
    catalog = open_catalog(settings)
    topic = Topics(settings.kafka.topic_prefix).features
    written = 0
    for name in HISTORY_TABLES:
        rows = insist(catalog.load_table(identifier(name)), partial(_replace, name=name, topic=topic, new=new))
        written += rows if name == USER_BEHAVIOR else 0
    return written


def _replace(table: Table, name: str, topic: str, new: NewHistory) -> int:
    offsets, sources = stored_offsets(table, topic)
    for partition, end in new.ends.items():
        sources[str(partition)] = max(sources.get(str(partition), -1), end - 1)
    properties = {OFFSETS_PROPERTY: json.dumps({topic: offsets}), SOURCES_PROPERTY: json.dumps(sources)}
    written = 0
    with table.transaction() as transaction:
        if table.current_snapshot() is not None:
            with warnings.catch_warnings():
                # Nothing to delete is nothing to warn of.
                warnings.simplefilter("ignore")
                transaction.delete(_old(name, new))
        for rows in _tables(name, new):
            transaction.append(rows, snapshot_properties=properties)
            written += rows.num_rows
    return written


def _old(name: str, new: NewHistory) -> BooleanExpression:
    if name != USER_BEHAVIOR:
        return LessThan("created", new.closed_at.isoformat())
    below = [And(EqualTo("partition", partition), LessThan("offset", end)) for partition, end in new.ends.items()]
    return Or(*below) if len(below) > 1 else below[0]


def _tables(name: str, new: NewHistory) -> Iterator[pa.Table]:
    for pieces in new.pieces:
        if name in pieces:
            yield pq.read_table(pieces[name])
    if name == USER_BEHAVIOR:
        # Last, and even where there are none: the newest commit is the one that names the offsets.
        yield behavior_rows(new.snapshots)
    else:
        yield AttributeHistory(name).rows(hourly(list(new.snapshots)))
