"""The lake's events read back: at one snapshot, by record batch, as the events that they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

import msgspec
import pyarrow as pa
from pyiceberg.expressions import In
from pyiceberg.table import Table

from contracts.event import Consent, Context, Event, EventType
from contracts.lake import EVENTS, SCHEMAS, identifier, open_catalog
from contracts.settings import Settings
from contracts.topics import Topics
from streaming.lake_commit import Offsets, Sources, stored_offsets

# Types of events that make one profile another.
LINKING = (EventType.IDENTIFY, EventType.ALIAS)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES = {kind.value: kind for kind in EventType}
_CONTEXT = tuple(name for name in Context.__struct_fields__ if name in SCHEMAS[EVENTS].names)
_CONSENT = tuple(f"consent_{name}" for name in Consent.__struct_fields__)
_properties = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class LakeCut:
    """The table `events` at one snapshot: its number of rows, and up to where of Kafka it reaches.

    `offsets` is the next offset by Kafka partition, `sources` the newest offset by origin of what was
    replayed (see `streaming.lake_commit`). The table is never refreshed.
    """

    table: Table
    rows: int
    offsets: Offsets
    sources: Sources

    def batches(self, columns: Sequence[str] = ("*",)) -> Iterator[pa.RecordBatch]:
        """All rows, in the order in which the lake holds them."""
        if self.table.current_snapshot() is not None:
            yield from self.table.scan(selected_fields=tuple(columns)).to_arrow_batch_reader()

    def links(self) -> Iterator[tuple[str, str]]:
        """Pairs of profiles that some event may have made one person."""
        if self.table.current_snapshot() is None:
            return
        scan = self.table.scan(
            row_filter=In("type", [kind.value for kind in LINKING]),
            selected_fields=("user_id", "previous_id", "anonymous_id"),
        )
        for batch in scan.to_arrow_batch_reader():
            columns = [batch[name].to_pylist() for name in ("user_id", "previous_id", "anonymous_id")]
            for user_id, *others in zip(*columns, strict=True):
                for other in others:
                    if user_id is not None and other is not None and other != user_id:
                        yield user_id, other


def read_cut(settings: Settings) -> LakeCut:
    """The lake's events as they are now; rows that are added later stay out of what the cut reads."""
    table = open_catalog(settings).load_table(identifier(EVENTS))
    snapshot = table.current_snapshot()
    offsets, sources = stored_offsets(table, Topics(settings.kafka.topic_prefix).events)
    if snapshot is None:
        return LakeCut(table, 0, offsets, sources)
    summary = snapshot.summary
    rows = 0 if summary is None else int(summary.additional_properties.get("total-records", 0))
    return LakeCut(table, rows, offsets, sources)


def decode_rows(rows: pa.Table) -> list[Event]:
    """The events of rows of `events`, in order, equal to those that `streaming.lake_rows` made rows of."""

    def column(name: str) -> list[Any]:
        # A lake may be older than a column.
        return rows[name].to_pylist() if name in rows.column_names else [None] * rows.num_rows

    return [
        Event(
            message_id=message_id,
            anonymous_id=anonymous_id,
            user_id=user_id,
            previous_id=previous_id,
            session_id=session_id,
            type=_TYPES[kind],
            timestamp=timestamp,
            sent_at=sent_at,
            received_at=received_at,
            item_id=item_id,
            quantity=quantity,
            price=price,
            position=position,
            recommendation_id=recommendation_id,
            page_url=page_url,
            referrer=referrer,
            context=context,
            properties={} if properties is None else _properties.decode(properties),
            consent=consent,
        )
        for (
            message_id, anonymous_id, user_id, previous_id, session_id, kind, timestamp, sent_at, received_at, item_id,
            quantity, price, position, recommendation_id, page_url, referrer, context, properties, consent,
        ) in zip(
            column("message_id"), column("anonymous_id"), column("user_id"), column("previous_id"),
            column("session_id"), column("type"),
            _instants(rows["timestamp"]), _instants(rows["sent_at"]), _instants(rows["received_at"]),
            column("item_id"), column("quantity"), column("price"), column("position"), column("recommendation_id"),
            column("page_url"), column("referrer"), _structs(rows, _CONTEXT, Context), column("properties"),
            _structs(rows, _CONSENT, Consent), strict=True,
        )
    ]  # fmt: skip


def _instants(column: pa.ChunkedArray) -> Iterator[datetime | None]:
    # Arrow makes an aware datetime in ten times as long.
    if column.null_count == len(column):
        yield from repeat(None, len(column))
        return
    for us in column.cast(pa.int64()).to_pylist():
        yield None if us is None else _EPOCH + timedelta(microseconds=us)


def _structs(rows: pa.Table, names: Sequence[str], kind: type[Any]) -> Iterator[Any]:
    """One frozen struct a row, the same object for the same values: there are few of them."""
    known: dict[tuple[Any, ...], Any] = {}
    stored = [name for name in names if name in rows.column_names]
    for values in zip(*(rows[name].to_pylist() for name in stored), strict=True):
        found = known.get(values)
        if found is None:
            fields = (name.removeprefix("consent_") for name in stored)
            found = known[values] = kind(**dict(zip(fields, values, strict=True)))
        yield found
