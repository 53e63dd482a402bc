"""Lines of purchases as the lake holds them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from contracts.lake import EVENTS, SCHEMAS

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


def line(user: str, day: float, item: str | None, quantity: int | None = 1, **changes: Any) -> dict[str, Any]:
    """What `user` bought so many days after NOON, every consent given."""
    return {
        "message_id": f"{user}-{day}-{item}-{quantity}",
        "profile_id": user,
        "type": "purchase",
        "timestamp": NOON + timedelta(days=day),
        "item_id": item,
        "quantity": quantity,
        "price": 2.0,
        "country": "UK",
        "consent_measurement": True,
        "consent_personalization": True,
        "consent_training": True,
        "partition": 0,
        "offset": 0,
    } | changes


def table(*rows: dict[str, Any]) -> pa.Table:
    """The lines as rows of the lake's events."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMAS[EVENTS])
