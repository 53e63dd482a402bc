"""The shop's real purchases as events: the year moved by whole days, so that it ends yesterday."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.event import Context, Event, EventType
from contracts.settings import Settings
from privacy.pseudonym import Pseudonymizer


def purchases_path(settings: Settings) -> Path:
    """The committed purchases, in time order."""
    return settings.project / "shop" / "data" / "purchases.parquet"


def shop_catalogue_path(settings: Settings) -> Path:
    """The committed catalogue."""
    return settings.project / "shop" / "data" / "catalogue.parquet"


def shift(last: datetime, now: datetime) -> timedelta:
    """Whole days that move `last` to the last full UTC day before `now`. Raises ValueError on a naive instant."""
    if last.tzinfo is None or now.tzinfo is None:
        raise ValueError(f"expected aware instants, came {last!r} and {now!r}")
    yesterday = now.astimezone(last.tzinfo).date() - timedelta(days=1)
    return timedelta(days=(yesterday - last.date()).days)


def read_purchases(settings: Settings, now: datetime) -> pa.Table:
    """Purchases shifted to end before `now`, each with its item's `category` (empty where unknown)."""
    table = pq.read_table(purchases_path(settings))
    moved = pc.add(table["timestamp"], pa.scalar(shift(pc.max(table["timestamp"]).as_py(), now), pa.duration("us")))
    table = table.set_column(table.schema.get_field_index("timestamp"), "timestamp", moved)
    catalogue = pq.read_table(shop_catalogue_path(settings), columns=["item_id", "category"])
    place = pc.index_in(table["item_id"], value_set=catalogue["item_id"])
    return table.append_column("category", pc.fill_null(catalogue["category"].take(place), ""))


def purchase_events(purchases: pa.Table, pseudonymizer: Pseudonymizer) -> Iterator[Event]:
    """The events that the collector would make of the purchases, in the order of the table."""
    known: dict[str, str] = {}
    for row in purchases.to_batches(max_chunksize=20_000):
        for one in row.to_pylist():
            customer = one["customer_id"]
            if customer not in known:
                known[customer] = pseudonymizer.user(customer)
            yield Event(
                message_id=message_id(one),
                user_id=known[customer],
                type=EventType.PURCHASE,
                timestamp=one["timestamp"],
                item_id=one["item_id"],
                quantity=one["quantity"],
                price=one["price"],
                context=Context(country=one["country"]),
                properties=_properties(one),
            )


def purchase_message(row: dict[str, Any]) -> dict[str, Any]:
    """One purchase in the shape of Segment's track call, with the caller's own identifiers."""
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": message_id(row),
        "userId": row["customer_id"],
        "timestamp": row["timestamp"].isoformat(),
        "context": {"location": {"country": row["country"]}},
        "properties": {
            "product_id": row["item_id"],
            "quantity": row["quantity"],
            "price": row["price"],
            **_properties(row),
        },
    }


def message_id(row: dict[str, Any]) -> str:
    """What makes a line of an invoice one event, however often it is sent."""
    return f"{row['invoice']}-{row['line']}"


def _properties(row: dict[str, Any]) -> dict[str, Any]:
    return {"category": row["category"]} if row["category"] else {}
