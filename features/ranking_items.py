"""What the ranker knows of each item: how it sold, what it is sold with, and what the catalogue says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.item import Item
from features.affinity import price_band

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

# Half-lives, in days, at which sales are counted.
HALF_LIVES_DAYS = (2.0, 7.0, 30.0)


@dataclass(frozen=True)
class ItemStatistics:
    """Counted once, as of `until_us`; every array is by row of the model's items.

    sold, discovered: [items, half-lives] float32, log(1 + fading number of sales), of all and of those to
    visitors who had not bought the item before; halved every `HALF_LIVES_DAYS`.
    on_sale_days: [items] float32, days since the first sale, 0 where there was none.
    neighbours: [items, m] int32, rows of the items most bought in one basket with each, and their
    similarity [items, m] float32, 0 beyond the last one.
    """

    sold: Floats
    discovered: Floats
    on_sale_days: Floats
    neighbours: Ints
    similarity: Floats

    def __post_init__(self) -> None:
        """Raises ValueError where the shapes do not fit each other."""
        items, halves = len(self.on_sale_days), len(HALF_LIVES_DAYS)
        expected = {"sold": (items, halves), "discovered": (items, halves), "on_sale_days": (items,)}
        expected |= {
            "neighbours": (items, *self.similarity.shape[1:]),
            "similarity": (items, *self.neighbours.shape[1:]),
        }
        for name, shape in expected.items():
            came = getattr(self, name).shape
            if came != shape or len(self.neighbours.shape) != 2:
                raise ValueError(f"item statistics: expected {name} of shape {list(shape)}, came {list(came)}")
        if self.neighbours.size and (self.neighbours.min() < 0 or self.neighbours.max() >= items):
            raise ValueError(f"item statistics: expected neighbours among {items} rows, came others")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ItemStatistics:
        """From an archive's arrays. Raises KeyError where one is absent, ValueError where they do not fit."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, as an archive keeps them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class ItemTable:
    """Statistics by row beside what the catalogue says of each item now."""

    def __init__(self, items: Sequence[Item], statistics: ItemStatistics) -> None:
        """`items` by row. Raises ValueError where they are not as many as the statistics count."""
        if len(items) != len(statistics.on_sale_days):
            raise ValueError(f"expected statistics of {len(items)} items, came {len(statistics.on_sale_days)}")
        self.statistics = statistics
        self.rows = {item.item_id: row for row, item in enumerate(items)}
        self.category_codes = _codes(item.category for item in items)
        self.brand_codes = _codes(item.brand or "" for item in items)
        self.categories = np.array([self.category_codes[item.category] for item in items], np.int32)
        self.brands = np.array([self.brand_codes[item.brand or ""] for item in items], np.int32)
        self.bands = np.array([price_band(item.price) for item in items], np.int32)
        self.log_prices = np.log(np.maximum([item.price for item in items], 0.01)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.rows)


def _codes(labels: Any) -> Mapping[str, int]:
    return {label: code for code, label in enumerate(dict.fromkeys(labels))}
