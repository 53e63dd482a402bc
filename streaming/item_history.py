"""The catalogue's past: rows for the lake's `items`, and facts as of any instant from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import structlog
from pyiceberg.table import Table

from contracts.broker import knock
from contracts.item import FIELDS, Item, ItemChange, same_facts
from contracts.lake import ITEMS, SCHEMAS, identifier, open_catalog
from contracts.settings import Settings
from contracts.topics import Topics
from features.catalogue import ItemFactsTable
from features.instant import from_us, to_us
from streaming.catalogue import read_changes
from streaming.items import facts_of
from streaming.lake_commit import stored_offsets
from streaming.lake_rows import Placed

_log = structlog.get_logger()

# An item's first row holds from here on: the shop says what an item is, not since when.
_ALWAYS_US = 0


class ItemHistory:
    """Rows of the lake's `items`: one where an item differs from its last row, at strictly increasing times."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: dict[str, tuple[Item, bool, int]] = {}
        self._loaded = False

    def rows(self, placed: Sequence[Placed]) -> pa.Table:
        """New rows, from changes in the topic's order."""
        self._load()
        created = datetime.now(UTC)
        rows: list[dict[str, Any]] = []
        for one in placed:
            change: ItemChange = one.value
            known = self._known.get(change.item_id)
            if known is None:
                if change.item is None:
                    continue
                item, gone, since_us = change.item, False, _ALWAYS_US
            else:
                before, was_gone, before_us = known
                gone = change.item is None
                item = change.item or before
                if gone == was_gone and same_facts(item, before):
                    continue
                since_us = max(change.since_us, before_us + 1)
            self._known[change.item_id] = (item, gone, since_us)
            rows.append(_row(item, gone=gone, since_us=since_us, created=created))
        return pa.Table.from_pylist(rows, schema=SCHEMAS[ITEMS])

    def present(self) -> list[Item]:
        """The items that are not gone, as of the last row made."""
        self._load()
        return [item for item, gone, _ in self._known.values() if not gone]

    def forget(self) -> None:
        """Read the table again before the next row: what was last made into rows may not have been written."""
        self._known.clear()
        self._loaded = False

    def _load(self) -> None:
        if not self._loaded:
            self._known = {row["item_id"]: _known(row) for row in _in_order(self._table)}
            self._loaded = True


def read_facts(settings: Settings) -> ItemFactsTable:
    """What the catalogue said of items at any time: the lake's history, then what the topic has beyond it.

    Without Kafka the lake's alone. Raises CatalogueAway where Kafka is there and does not tell.
    """
    table = open_catalog(settings).load_table(identifier(ITEMS))
    facts = ItemFactsTable()
    for row in _in_order(table):
        item, gone, since_us = _known(row)
        facts.put(item.item_id, since_us, None if gone else facts_of(item))
    topic = Topics(settings.kafka.topic_prefix).items
    beyond = stored_offsets(table, topic)[0].get(0, 0)
    try:
        knock(settings.kafka.bootstrap)
    except OSError as error:
        _log.warning("items from the lake alone", items=len(facts), error=str(error))
        return facts
    for change in read_changes(settings)[0]:
        if change.offset >= beyond:
            facts.put(change.item_id, change.since_us, facts_of(change.item))
    return facts


def _in_order(table: Table) -> list[dict[str, Any]]:
    rows = table.scan().to_arrow().sort_by([("event_timestamp", "ascending"), ("created", "ascending")])
    return list(rows.to_pylist())


def _known(row: dict[str, Any]) -> tuple[Item, bool, int]:
    item = Item(**{name: row[name] for name in FIELDS if name in row})
    return item, bool(row.get("gone")), to_us(row["event_timestamp"])


def _row(item: Item, *, gone: bool, since_us: int, created: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(item, name) for name in FIELDS if name != "changed_at"}
    row["available"] = item.available and not gone
    return {**row, "gone": gone, "event_timestamp": from_us(since_us), "created": created}
