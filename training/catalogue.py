"""The items as the item tower reads them: words of the description, price, category."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contracts.item import Item

Ints = NDArray[np.int32]

WORDS_KEPT = 12
PRICE_BUCKETS = 16
_MIN_ITEMS_A_WORD = 3
_WORD = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True)
class ItemContent:
    """Aligned with the catalogue: words [n, WORDS_KEPT] (0 is none), category [n], price bucket [n], all int32."""

    words: Ints
    categories: Ints
    prices: Ints
    vocabulary: tuple[str, ...]
    category_names: tuple[str, ...]


def read_catalogue(path: Path) -> list[Item]:
    """The loaded catalogue in order of item id. Raises FileNotFoundError naming what makes it."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected the loaded catalogue; `clickloop load` writes it")
    rows = pq.read_table(path).to_pylist()
    fields = Item.__struct_fields__
    items = [Item(**{name: row[name] for name in fields if name in row}) for row in rows]
    return sorted(items, key=lambda item: item.item_id)


def item_content(items: Sequence[Item]) -> ItemContent:
    """Words that at least three descriptions share, categories by name, prices by quantile."""
    bags = [sorted(set(_WORD.findall(item.name.lower()))) for item in items]
    counts = Counter(word for bag in bags for word in bag)
    vocabulary = tuple(sorted(word for word, count in counts.items() if count >= _MIN_ITEMS_A_WORD))
    codes = {word: code for code, word in enumerate(vocabulary, start=1)}
    words = np.zeros((len(items), WORDS_KEPT), np.int32)
    for row, bag in enumerate(bags):
        known = [codes[word] for word in bag if word in codes][:WORDS_KEPT]
        words[row, : len(known)] = known
    names = tuple(sorted({item.category for item in items}))
    places = {name: place for place, name in enumerate(names)}
    prices = np.array([item.price for item in items])
    edges = np.quantile(prices, np.linspace(0, 1, PRICE_BUCKETS + 1)[1:-1])
    return ItemContent(
        words=words,
        categories=np.array([places[item.category] for item in items], np.int32),
        prices=np.digitize(prices, edges).astype(np.int32),
        vocabulary=vocabulary,
        category_names=names,
    )
