"""All that an answer is made from besides the visitor: model, catalogue, popularity. Immutable, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from contracts.item import Item
from serving.index import Floats, ItemIndex
from serving.popularity import Popularity
from serving.ranker import Ranker


class Tower(Protocol):
    """Turns a visitor's values into a vector."""

    def vector(self, values: dict[str, Any]) -> Floats:
        """The user's vector [dim] of `features.evaluate` values."""


@dataclass(frozen=True)
class Model:
    """A promoted model, ready to answer. `features` names the values that it reads.

    `ranker` is None where none came with it, or where that may not answer: then `ranker_error` says why.
    `biases_until` is the instant until which purchases count in its items' biases, None where they are as fitted.
    """

    version: str
    tower: Tower
    index: ItemIndex
    features: tuple[str, ...]
    ranker: Ranker | None = None
    ranker_error: str = ""
    biases_until: datetime | None = None


@dataclass(frozen=True)
class Shelf:
    """What is there to answer from; `model` is None where none could be read."""

    model: Model | None
    catalogue: Mapping[str, Item]
    popularity: Popularity

    @cached_property
    def unavailable(self) -> int:
        """Items that a search may find and that may not be shown at present: gone, or not available."""
        found = self.catalogue if self.model is None else self.model.index.items
        shown = (self.catalogue.get(item) for item in found)
        return sum(item is None or not item.available for item in shown)
