"""Exact search over the items' vectors."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Hit(NamedTuple):
    """An item and its score; higher is better."""

    item_id: str
    score: float


class ItemIndex:
    """Finds the items of highest score. Score is the inner product of vectors plus the item's bias."""

    def __init__(self, items: Sequence[str], vectors: Floats, bias: Floats, categories: Sequence[str]) -> None:
        """`vectors` [items, dim] float32, `bias` [items] float32, `categories` one an item.

        Raises ValueError where the lengths differ, an id stands twice or a number is not finite.
        """
        count = len(items)
        if vectors.ndim != 2 or len(vectors) != count or bias.shape != (count,) or len(categories) != count:
            raise ValueError(
                f"expected vectors [n, dim], bias [n] and categories [n] for n = {count} items, "
                f"came {vectors.shape}, {bias.shape} and [{len(categories)}]"
            )
        if not (np.isfinite(vectors).all() and np.isfinite(bias).all()):
            raise ValueError("expected finite item vectors and biases, came infinities or not-a-numbers")
        self._items = list(items)
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._bias = np.ascontiguousarray(bias, dtype=np.float32)
        self._row = {item: row for row, item in enumerate(self._items)}
        if len(self._row) != count:
            raise ValueError(f"expected {count} different item ids, came {len(self._row)}")
        norms = np.linalg.norm(self._vectors, axis=1, keepdims=True)
        self._directions = self._vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        self._rows_of = _rows_by_category(categories)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._row

    def shifted(self, added: Floats) -> ItemIndex:
        """The same items with `added` [items] to their biases. Raises ValueError on another shape."""
        if added.shape != self._bias.shape:
            raise ValueError(f"expected a number for each of {len(self)} items, came {list(added.shape)}")
        shifted = copy(self)
        shifted._bias = self._bias + added
        return shifted

    @property
    def items(self) -> Sequence[str]:
        """Ids of the items, by row."""
        return self._items

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

    def search(self, vector: Floats, count: int, *, category: str | None = None) -> list[Hit]:
        """The `count` best items, best first, of one category where given; fewer where there are fewer.

        `vector` [dim]. Equal scores keep the items' order. Raises ValueError on another shape.
        """
        if vector.shape != (self.dim,):
            raise ValueError(f"expected a vector [{self.dim}], came {list(vector.shape)}")
        if category is None:
            return self._best(self._vectors @ vector + self._bias, count, None)
        rows = self._rows_of.get(category)
        return [] if rows is None else self._best(self._vectors[rows] @ vector + self._bias[rows], count, rows)

    def similar(self, item_id: str, count: int) -> list[Hit]:
        """The `count` items whose vectors point most nearly the same way (cosine), without the item itself.

        Raises KeyError where the item has no vector.
        """
        own = self._row[item_id]
        hits = self._best(self._directions @ self._directions[own], count + 1, None)
        return [hit for hit in hits if hit.item_id != item_id][:count]

    def _best(self, scores: Floats, count: int, rows: NDArray[np.intp] | None) -> list[Hit]:
        if count <= 0:
            return []
        if count < len(scores):
            kept = np.argpartition(-scores, count - 1)[:count]
            # Rows ascending first: the stable sort then keeps equal scores in the items' order.
            kept.sort()
        else:
            kept = np.arange(len(scores))
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        places = kept if rows is None else rows[kept]
        return [
            Hit(self._items[row], score)
            for row, score in zip(places.tolist(), scores[kept].astype(float).tolist(), strict=True)
        ]


def _rows_by_category(categories: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    rows: dict[str, list[int]] = {}
    for row, category in enumerate(categories):
        rows.setdefault(category, []).append(row)
    return {category: np.asarray(members, dtype=np.intp) for category, members in rows.items()}
