"""Which topic feeds which tables of the lake, and which of its records are left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa
from pyiceberg.table import Table

from contracts.event import EventType
from contracts.item import InvalidItem, read_change
from contracts.lake import (
    EVENTS,
    ITEMS,
    SERVED,
    USER_BEHAVIOR,
    USER_DEMOGRAPHICS,
    USER_SEGMENTS,
    identifier,
    open_catalog,
)
from contracts.recommend import Served
from contracts.settings import Settings
from contracts.snapshot import Snapshot, decode_snapshots
from contracts.topics import Topics
from features.state import decode_state
from streaming.catalogue_file import write_catalogue
from streaming.item_history import ItemHistory
from streaming.lake_rows import AttributeHistory, Placed, behavior_rows, event_rows, served_rows
from streaming.lake_sink import Source, TableSink
from streaming.records import Incoming, decode_record, is_derived

# What a record says, some things or none, or a word for why it is left out.
Reading = tuple[Sequence[Any], str | None]


class Feed:
    """A topic and its tables. Each table keeps its own offsets, for they are committed one after the other."""

    def __init__(
        self,
        topic: str,
        read: Callable[[Any], Reading],
        sinks: Sequence[TableSink],
        *,
        on_flush: Callable[[], None] | None = None,
    ) -> None:
        """`on_flush` is called after a flush that had something to append."""
        self.topic = topic
        self._on_flush = on_flush
        self._read = read
        self._sinks = sinks

    @property
    def pending(self) -> int:
        """Records that wait for the next flush."""
        return max(sink.pending for sink in self._sinks)

    def position(self, partition: int) -> int:
        """The next offset that some table still needs."""
        return min(sink.offsets.get(partition, 0) for sink in self._sinks)

    def take(self, record: Any) -> str | None:
        """Hand a consumed record to the tables; why it was left out, None where it was not."""
        values, why = self._read(record)
        for sink in self._sinks:
            sink.take(record.partition, record.offset, values)
        return why

    def flush(self) -> dict[str, int]:
        """Append what waits; rows by table. Raises Overtaken, CommitFailedException, OSError."""
        waiting = self.pending
        rows = {sink.name: sink.flush() for sink in self._sinks}
        if waiting and self._on_flush is not None:
            self._on_flush()
        return rows

    def reload(self) -> None:
        """Forget what waits and stand where the tables say."""
        for sink in self._sinks:
            sink.reload()


def open_feeds(settings: Settings) -> list[Feed]:
    """Every topic that the lake keeps."""
    catalog = open_catalog(settings)
    topics = Topics(settings.kafka.topic_prefix)

    def sink(name: str, topic: str, rows: Callable[[Sequence[Placed]], pa.Table], **options: Any) -> TableSink:
        return TableSink(catalog.load_table(identifier(name)), topic, rows, **options)

    features = [sink(USER_BEHAVIOR, topics.features, _behavior, source_of=_snapshot_source)]
    for name in (USER_DEMOGRAPHICS, USER_SEGMENTS):
        history = AttributeHistory(name)
        rows = partial(_attributes, history)
        features.append(sink(name, topics.features, rows, source_of=_snapshot_source, on_reload=history.forget))
    return [
        Feed(topics.events, read_event, [sink(EVENTS, topics.events, _events, source_of=_replay_source)]),
        Feed(topics.features, read_snapshots, features),
        Feed(topics.served, read_served, [sink(SERVED, topics.served, served_rows)]),
        _item_feed(settings, catalog.load_table(identifier(ITEMS)), topics.items),
    ]


def _item_feed(settings: Settings, table: Table, topic: str) -> Feed:
    history = ItemHistory(table)
    sink = TableSink(table, topic, history.rows, on_reload=history.forget)

    def lay() -> None:
        """Keep the file of the catalogue as new as the table."""
        write_catalogue(settings.catalogue_path, history.present(), offset=sink.offsets.get(0, 0))

    return Feed(topic, read_item, [sink], on_flush=lay)


def read_item(record: Any) -> Reading:
    """A change of an item."""
    try:
        return (read_change(record),), None
    except InvalidItem:
        return (), "poison"


def read_event(record: Any) -> Reading:
    """A visitor's event that may be kept, understood exactly as the worker understands it."""
    if is_derived(record):
        return (), "derived"
    incoming = decode_record(record)
    if incoming.event is None:
        return (), "poison"
    # A word on consent is kept whatever else the visitor withholds: a rebuild has to know of it.
    kept = incoming.event.consent.measurement or incoming.event.type is EventType.CONSENT
    return ((incoming,), None) if kept else ((), "not_measured")


def read_snapshots(record: Any) -> Reading:
    """Snapshots of the worker's, in the order of their offsets."""
    try:
        return decode_snapshots(record.value or b""), None
    except ValueError:
        return (), "poison"


def read_served(record: Any) -> Reading:
    """An answer of the service."""
    try:
        return (msgspec.json.decode(record.value or b"", type=Served),), None
    except msgspec.DecodeError:
        return (), "poison"


def _events(placed: Sequence[Placed]) -> pa.Table:
    return event_rows([Placed(one.partition, one.offset, one.value.event) for one in placed])


def _behavior(placed: Sequence[Placed]) -> pa.Table:
    return behavior_rows([one.value for one in placed])


def _attributes(history: AttributeHistory, placed: Sequence[Placed]) -> pa.Table:
    """Of the newest snapshot of each profile alone: a flush in between would be nothing to miss."""
    newest: dict[str, Snapshot] = {one.value.profile_id: one.value for one in placed}
    return history.rows((one, decode_state(one.state)) for one in newest.values())


def _snapshot_source(placed: Placed) -> Source | None:
    snapshot: Snapshot = placed.value
    return str(snapshot.partition), snapshot.offset


def _replay_source(placed: Placed) -> Source | None:
    """Where a replayed event came from; None for any other."""
    incoming: Incoming = placed.value
    origin = incoming.origin
    return None if origin is None else (f"{placed.partition}/{origin.partition}", origin.offset)
