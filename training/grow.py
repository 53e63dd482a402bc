"""An earlier model's weights over today's vocabularies: names gone are dropped, new ones get a place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.tower_input import Vocabulary
from training.catalogue import ItemContent
from training.initial import Beginning
from training.kept import Kept

Floats = NDArray[np.float32]

# Weights with a row an item that begin with what the co-purchases say.
_VECTORS = {"history_ids": "history", "ids": "offered"}


def over_items(kept: Kept, items: Sequence[str]) -> Beginning:
    """The earlier fit's beginning by today's `items`; zeros for those that it did not know."""
    before = kept.header.items
    return Beginning(
        named_rows(kept.beginning.history, before, items), named_rows(kept.beginning.offered, before, items)
    )


def grow(kept: Kept, vocabulary: Vocabulary, content: ItemContent, today: Beginning) -> dict[str, Floats]:
    """Weights by name, their rows those of `vocabulary` and `content`.

    An item's vectors are today's beginning, plus what the earlier fit had learned beyond its own: so
    what is bought together by now moves items of both kinds, and a new one stands among its company.
    A new word, category or country, and a new item's bias, say nothing until they are fitted: zero.
    """
    before = kept.header
    grown = dict(kept.weights)
    grown["words"] = named_rows(grown["words"], before.words, content.vocabulary, reserved=1)
    grown["categories"] = named_rows(grown["categories"], before.categories, content.category_names)
    grown["country"] = named_rows(grown["country"], before.countries, vocabulary.countries, reserved=1)
    grown["base"] = named_rows(grown["base"], before.items, vocabulary.items)
    for name, side in _VECTORS.items():
        learned = grown[name] - getattr(kept.beginning, side)
        grown[name] = getattr(today, side) + named_rows(learned, before.items, vocabulary.items)
    return grown


def named_rows(table: Floats, before: Sequence[str], now: Sequence[str], *, reserved: int = 0) -> Floats:
    """The table's rows of the names `now`, zeros for those that `before` lacks; the first `reserved` have no name."""
    places = {name: place for place, name in enumerate(before, start=reserved)}
    taken = np.array([*range(reserved), *(places.get(name, -1) for name in now)], np.int64)
    rows: Floats = table[taken]
    rows[taken < 0] = 0.0
    return rows
