"""An item of the catalogue."""

from __future__ import annotations

from msgspec import Struct


class Item(Struct, frozen=True, omit_defaults=True):
    """One article. `price` is in the shop's currency; `available` false hides it from answers."""

    item_id: str
    name: str
    price: float
    category: str
    available: bool = True
