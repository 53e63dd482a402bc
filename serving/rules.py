"""What may be shown: nothing bought, nothing in the cart already, nothing the caller excludes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.item import Item
from serving.index import Hit

# Values of `features.evaluate` that the rules read.
RULE_FEATURES = ("cart_items", "bought_items")


def hidden_items(values: Mapping[str, Any] | None, exclude: Iterable[str]) -> set[str]:
    """Items that the visitor must not be shown; `values` is None where nothing is known of the visitor."""
    hidden = set(exclude)
    if values is not None:
        for name in RULE_FEATURES:
            hidden.update(values[name])
    return hidden


def permit(
    hits: Iterable[Hit], *, hidden: set[str], catalogue: Mapping[str, Item], category: str | None, k: int
) -> list[Hit]:
    """The first `k` hits in the catalogue, of the category where given, available and not hidden."""
    permitted: list[Hit] = []
    for hit in hits:
        item = catalogue.get(hit.item_id)
        if item is None or not item.available or hit.item_id in hidden:
            continue
        if category is not None and item.category != category:
            continue
        permitted.append(hit)
        if len(permitted) == k:
            break
    return permitted
