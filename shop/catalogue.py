"""The catalogue as the storefront reads it: by id, by category, by words, page by page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from contracts.item import Item
from shop.categories import OTHER


@dataclass(frozen=True)
class Page:
    """One page of a list. `number` counts from 1; `pages` is at least 1."""

    items: Sequence[Item]
    total: int
    number: int
    pages: int


class Catalogue:
    """Articles in a fixed order, by name and then code."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = sorted((item for item in items if item.available), key=lambda item: (item.name, item.item_id))
        self._by_id = {item.item_id: item for item in self._items}
        self._words = [_words(f"{item.name} {item.category}") for item in self._items]

    def __len__(self) -> int:
        return len(self._items)

    def get(self, item_id: str) -> Item | None:
        """The article of that code, None where there is none."""
        return self._by_id.get(item_id)

    def categories(self) -> list[tuple[str, int]]:
        """Categories with how many articles each holds, by name, `Other` last."""
        counts = Counter(item.category for item in self._items)
        return sorted(counts.items(), key=lambda entry: (entry[0] == OTHER, entry[0]))

    def find(self, *, category: str = "", query: str = "", page: int = 1, size: int = 24) -> Page:
        """Articles of a category whose words begin with each word of the query, one page of them.

        A page beyond the last gives the last. Raises ValueError where page or size is below 1.
        """
        if page < 1 or size < 1:
            raise ValueError(f"expected page and size of at least 1, came page {page}, size {size}")
        wanted = _words(query)
        found = [
            item
            for item, words in zip(self._items, self._words, strict=True)
            if (not category or item.category == category)
            and all(any(word.startswith(prefix) for word in words) for prefix in wanted)
        ]
        pages = max(1, -(-len(found) // size))
        number = min(page, pages)
        return Page(items=found[(number - 1) * size : number * size], total=len(found), number=number, pages=pages)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue of a Parquet file with columns item_id, name, price, category and, optionally, available.

    Raises ValueError where a column is absent.
    """
    table = pq.read_table(path)
    absent = {"item_id", "name", "price", "category"} - set(table.column_names)
    if absent:
        raise ValueError(
            f"{path}: expected columns item_id, name, price, category; absent: {', '.join(sorted(absent))}"
        )
    known = [name for name in Item.__struct_fields__ if name in table.column_names]
    return Catalogue([Item(**row) for row in table.select(known).to_pylist()])
