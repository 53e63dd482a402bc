"""Reads a promoted model's directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from contracts import model as layout
from contracts.item import Item
from features.evaluate import evaluate
from features.signature import require_known
from features.state import new_state
from features.tower_files import read_tower
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


def read_artefact(directory: Path) -> Artefact:
    """The model in `directory`, tried once on a visitor of whom nothing is known.

    Raises ValueError where its parts do not fit each other, and whatever a broken file raises.
    """
    manifest = layout.read_manifest(directory)
    layout.verify_files(directory, manifest)
    require_known(manifest.signature)
    files = read_tower(directory)
    if files.vectors.shape != (manifest.items, manifest.dim):
        expected = (manifest.items, manifest.dim)
        raise ValueError(f"{directory}: expected item vectors of shape {expected}, came {files.vectors.shape}")
    tower = UserTower(files.vocabulary, files.weights)
    inputs = tuple(column.name for column in manifest.signature.inputs)
    _try(tower, inputs, manifest.dim)
    artefact = Artefact(
        version=manifest.model_version,
        tower=tower,
        items=files.vocabulary.items,
        vectors=files.vectors,
        bias=files.bias,
        catalogue={
            item_id: Item(item_id, entry.name, entry.price, entry.category, entry.available)
            for item_id, entry in layout.read_catalogue(directory).items()
        },
        popularity=Popularity(layout.read_popularity(directory)),
        features=tuple(dict.fromkeys((*inputs, *RULE_FEATURES))),
    )
    Composer().compose(artefact, None, None)
    return artefact


def _try(tower: UserTower, inputs: Sequence[str], dim: int) -> None:
    """Raises ValueError where the tower's vector is no vector, KeyError where it reads more than its inputs."""
    values = evaluate(new_state(), 0)
    vector = tower.vector({name: values[name] for name in inputs})
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise ValueError(f"expected a finite user vector [{dim}], came {vector!r}")


def read_popularity(path: Path) -> Popularity:
    """Popularity beside the catalogue, as a backfill writes it. Raises ValueError on a broken file."""
    try:
        return Popularity(msgspec.json.decode(path.read_bytes(), type=layout.Popularity))
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected popularity by item, country and category: {error}") from error
