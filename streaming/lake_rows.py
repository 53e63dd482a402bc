"""Arrow tables of the lake's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

from contracts.event import Event
from contracts.lake import EVENTS, SCHEMAS, SERVED, USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS
from contracts.recommend import Served
from contracts.snapshot import Snapshot
from features.instant import to_us
from features.state import UserState
from streaming.attributes import demographics_values, segment_names

_json = msgspec.json.Encoder(order="sorted")

# Fields of an event that are columns under the same name and need no care.
_PLAIN = (
    "message_id", "anonymous_id", "user_id", "previous_id", "session_id", "item_id", "quantity", "price", "position",
    "recommendation_id", "page_url", "referrer",
)  # fmt: skip
_CONTEXT = ("device", "network", "viewport", "locale", "time_zone", "city", "country", "bot")
_CONSENT = ("measurement", "personalization", "training")
_INSTANTS = ("timestamp", "sent_at", "received_at")

Columns = dict[str, Any]


class Placed(msgspec.Struct):
    """Something read from a partition and offset of a topic."""

    partition: int
    offset: int
    value: Any


def event_rows(placed: Sequence[Placed]) -> pa.Table:
    """Rows of `events`, one an event."""
    events: list[Event] = [one.value for one in placed]
    columns: Columns = {name: [getattr(event, name) for event in events] for name in _PLAIN}
    for name in _INSTANTS:
        columns[name] = _instants(getattr(event, name) for event in events)
    for name in _CONTEXT:
        columns[name] = [getattr(event.context, name) for event in events]
    for name in _CONSENT:
        columns[f"consent_{name}"] = [getattr(event.consent, name) for event in events]
    columns["profile_id"] = [event.profile_id for event in events]
    columns["type"] = [event.type.value for event in events]
    columns["properties"] = [_json.encode(event.properties).decode() if event.properties else None for event in events]
    columns["partition"] = [one.partition for one in placed]
    columns["offset"] = [one.offset for one in placed]
    return _table(EVENTS, columns)


def behavior_rows(snapshots: Sequence[Snapshot], *, created: datetime | None = None) -> pa.Table:
    """Rows of `user_behavior`, one a snapshot."""
    columns: Columns = {
        "user_id": [one.profile_id for one in snapshots],
        "event_timestamp": _from_us(one.row_us for one in snapshots),
        "created": [created or datetime.now(UTC)] * len(snapshots),
        "event_time": _from_us(one.event_us for one in snapshots),
        "version": [one.version for one in snapshots],
        "event_us": [one.event_us for one in snapshots],
        "partition": [one.partition for one in snapshots],
        "offset": [one.offset for one in snapshots],
        "training": [one.training for one in snapshots],
        "state": [one.state for one in snapshots],
    }
    return _table(USER_BEHAVIOR, columns)


class AttributeHistory:
    """Rows of `user_demographics` or `user_segments`: one where a profile's differ from its last known."""

    def __init__(self, table: str) -> None:
        """Raises KeyError where the table is neither."""
        self._table = table
        self._values_of = _ATTRIBUTES[table]
        self._known: dict[str, Columns] = {}

    def rows(self, snapshots: Iterable[tuple[Snapshot, UserState]]) -> pa.Table:
        """New rows, from snapshots and their states in offset order."""
        rows: list[Columns] = []
        created = datetime.now(UTC)
        for one, state in snapshots:
            values = self._values_of(state)
            if self._known.get(one.profile_id) != values:
                self._known[one.profile_id] = values
                key = {"user_id": one.profile_id, "event_timestamp": one.row_us, "created": created}
                rows.append({**key, "offset": one.offset, **values})
        return _from_rows(self._table, rows)

    def forget(self) -> None:
        """Know of no profile: what was last made into rows may not have been written."""
        self._known.clear()


def _segment_columns(state: UserState) -> Columns:
    return {"segments": segment_names(state)}


_ATTRIBUTES: dict[str, Callable[[UserState], Columns]] = {
    USER_DEMOGRAPHICS: demographics_values,
    USER_SEGMENTS: _segment_columns,
}


def served_rows(placed: Sequence[Placed]) -> pa.Table:
    """Rows of `served`, one an answer of the service."""
    answers: list[Served] = [one.value for one in placed]
    columns: Columns = {
        name: [getattr(answer, name) for answer in answers]
        for name in ("recommendation_id", "items", "scores", "source", "variant", "state_version", "degraded",
                     "profile_id", "model_version", "row_us", "digest")
    }  # fmt: skip
    columns["served_at"] = _instants(answer.served_at for answer in answers)
    columns["biases_until"] = _instants(answer.biases_until for answer in answers)
    for name in ("features", "timings_ms", "context", "values"):
        columns[name] = [_json.encode(getattr(answer, name)).decode() for answer in answers]
    columns["partition"] = [one.partition for one in placed]
    columns["offset"] = [one.offset for one in placed]
    return _table(SERVED, columns)


def _table(name: str, columns: Columns) -> pa.Table:
    schema = SCHEMAS[name]
    arrays = [
        values if isinstance(values, pa.Array) else pa.array(values, field.type)
        for field in schema
        for values in (columns[field.name],)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _from_rows(name: str, rows: Sequence[Columns]) -> pa.Table:
    columns: Columns = {field.name: [row[field.name] for row in rows] for field in SCHEMAS[name]}
    columns["event_timestamp"] = _from_us(columns["event_timestamp"])
    return _table(name, columns)


def _instants(values: Iterable[datetime | None]) -> pa.Array:
    return _from_us(None if value is None else to_us(value) for value in values)


def _from_us(values: Iterable[int | None]) -> pa.Array:
    return pa.array(list(values), pa.int64()).cast(pa.timestamp("us", tz="UTC"))
