"""What is known of an item when an event names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from contracts.event import Event

_LONGEST = 128


class ItemFacts(NamedTuple):
    """An item's category, brand (or author) and price for one piece, each None where unknown."""

    category: str | None = None
    brand: str | None = None
    price: float | None = None


NO_FACTS = ItemFacts()


def of_event(event: Event, facts: ItemFacts | None) -> ItemFacts:
    """The facts that an event counts with.

    The catalogue knows best what an item is, and the event what was paid or shown: the
    catalogue's category and brand come before the event's, the event's price before the
    catalogue's. `facts` None: the catalogue does not know the item.
    """
    said = event.properties
    category, brand, price = facts or NO_FACTS
    return ItemFacts(
        category or _text(said, "category"),
        brand or _text(said, "brand") or _text(said, "author"),
        price if event.price is None else event.price,
    )


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None
