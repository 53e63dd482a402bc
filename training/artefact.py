"""Writes a model as the directory that serving reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.item import Item
from contracts.model import (
    CATALOGUE_FILE,
    ITEMS_FILE,
    MANIFEST_FILE,
    POPULARITY_FILE,
    USER_TOWER_FILE,
    CatalogueEntry,
    ModelManifest,
    Popularity,
)
from features.tower_forward import TowerWeights

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TowerArrays:
    """Both towers as plain arrays; vectors: [items, dim], bias: [items], in the catalogue's order."""

    user: TowerWeights
    vectors: Floats
    bias: Floats


def write_artefact(
    directory: Path, arrays: TowerArrays, catalogue: Sequence[Item], popularity: Popularity, manifest: ModelManifest
) -> None:
    """Every file of `contracts.model` into `directory`, which is made; the manifest comes last."""
    directory.mkdir(parents=True, exist_ok=True)
    np.savez(directory / USER_TOWER_FILE, **asdict(arrays.user))
    np.savez(
        directory / ITEMS_FILE,
        item_ids=np.array([item.item_id for item in catalogue]),
        vectors=arrays.vectors,
        bias=arrays.bias,
    )
    entries = {item.item_id: CatalogueEntry(item.name, item.price, item.category, item.available) for item in catalogue}
    (directory / CATALOGUE_FILE).write_bytes(msgspec.json.encode(entries))
    (directory / POPULARITY_FILE).write_bytes(msgspec.json.encode(popularity))
    write_manifest(directory, manifest)


def write_manifest(directory: Path, manifest: ModelManifest) -> None:
    """The manifest alone, in place of one that is there."""
    (directory / MANIFEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
