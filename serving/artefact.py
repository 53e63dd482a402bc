"""Reads a promoted model's directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from contracts import model as layout
from contracts.item import Item
from features.evaluate import evaluate
from features.state import new_state
from serving.composer import Composer
from serving.index import Floats
from serving.popularity import Popularity
from serving.rules import RULE_FEATURES
from serving.tower import UserTower


@dataclass(frozen=True)
class Artefact:
    """A model's directory in memory. `features` are the values that its tower reads."""

    version: str
    tower: UserTower
    items: tuple[str, ...]
    vectors: Floats
    bias: Floats
    catalogue: Mapping[str, Item]
    popularity: Popularity
    features: tuple[str, ...]


class _Recorded(dict[str, Any]):
    """Values that remember which of them were read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.names: dict[str, None] = {}

    def __getitem__(self, name: str) -> Any:
        self.names[name] = None
        return super().__getitem__(name)


def read_artefact(directory: Path) -> Artefact:
    """The model in `directory`, tried once on a visitor of whom nothing is known.

    Raises ValueError where its parts do not fit each other, and whatever a broken file raises.
    """
    manifest = layout.read_manifest(directory)
    tower = UserTower.load(directory)
    with np.load(directory / layout.ITEMS_FILE, allow_pickle=False) as arrays:
        items = tuple(str(item) for item in arrays["item_ids"].tolist())
        vectors, bias = arrays["vectors"], arrays["bias"]
    if vectors.shape != (manifest.items, manifest.dim):
        expected = (manifest.items, manifest.dim)
        raise ValueError(f"{directory}: expected item vectors of shape {expected}, came {vectors.shape}")
    artefact = Artefact(
        version=manifest.model_version,
        tower=tower,
        items=items,
        vectors=vectors,
        bias=bias,
        catalogue={
            item_id: Item(item_id, entry.name, entry.price, entry.category, entry.available)
            for item_id, entry in layout.read_catalogue(directory).items()
        },
        popularity=Popularity(layout.read_popularity(directory)),
        features=_try(tower, manifest.dim),
    )
    Composer().compose(artefact, None, None)
    return artefact


def _try(tower: UserTower, dim: int) -> tuple[str, ...]:
    """The names of the values that the tower reads. Raises ValueError where its vector is no vector."""
    values = _Recorded(evaluate(new_state(), 0))
    vector = tower.vector(values)
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise ValueError(f"expected a finite user vector [{dim}], came {vector!r}")
    return tuple(dict.fromkeys((*values.names, *RULE_FEATURES)))


def read_popularity(path: Path) -> Popularity:
    """Popularity beside the catalogue, as a backfill writes it. Raises ValueError on a broken file."""
    try:
        return Popularity(msgspec.json.decode(path.read_bytes(), type=layout.Popularity))
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected popularity by item, country and category: {error}") from error
