"""Items that came after the model was trained: each stands beside the known one that is most like it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice

from contracts.item import Item

# Each is compared with the whole of its category; those beyond wait for the next model.
MOST_PLACED = 1000
_WORD = re.compile(r"[a-z]{3,}")


def place(newcomers: Iterable[Item], known: Mapping[str, Item]) -> dict[str, str]:
    """Newcomer to the known item of its category that shares most words with it, then the brand, then the price.

    One whose category has no known item stands nowhere.
    """
    shelves: defaultdict[str, list[tuple[Item, frozenset[str]]]] = defaultdict(list)
    for item in known.values():
        shelves[item.category].append((item, _words(item)))
    placed: dict[str, str] = {}
    for newcomer in islice(newcomers, MOST_PLACED):
        shelf = shelves.get(newcomer.category)
        if shelf:
            words = _words(newcomer)
            nearest, _ = min(shelf, key=lambda other: _distance(newcomer, words, *other))
            placed[newcomer.item_id] = nearest.item_id
    return placed


def _distance(newcomer: Item, words: frozenset[str], other: Item, others: frozenset[str]) -> tuple[float, bool, float]:
    shared = len(words & others) / max(1, len(words | others))
    return -shared, newcomer.brand is None or newcomer.brand != other.brand, abs(newcomer.price - other.price)


def _words(item: Item) -> frozenset[str]:
    return frozenset(_WORD.findall(item.name.lower()))
