"""Writes a model as the directory that serving reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.item import Item
from contracts.model import (
    CATALOGUE_FILE,
    ITEMS_FILE,
    MANIFEST_FILE,
    POPULARITY_FILE,
    PREPROCESSING_FILE,
    REQUIRED_FILES,
    USER_TOWER_FILE,
    CatalogueEntry,
    ModelManifest,
    Popularity,
    file_digest,
    read_manifest,
)
from features.signature import signature_of
from features.tower_files import STANDARDISATION, preprocessing_of
from features.tower_forward import TowerWeights
from features.tower_input import INPUTS
from training.kept import TRAINING_FILE, Kept, encode_kept

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TowerArrays:
    """Both towers as plain arrays; vectors: [items, dim], bias: [items], in the catalogue's order.

    `kept` is what training goes on from, not read by serving.
    """

    user: TowerWeights
    vectors: Floats
    bias: Floats
    kept: Kept | None = None


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: the feature service that it reads, lake tables' snapshots, the countries it knows."""

    feature_service: str
    snapshots: Mapping[str, int] = field(default_factory=dict)
    countries: tuple[str, ...] = ()


def write_artefact(
    directory: Path, arrays: TowerArrays, catalogue: Sequence[Item], popularity: Popularity, origin: Origin
) -> None:
    """Every file that `contracts.model` requires into `directory`, which is made; the model is named as it is."""
    directory.mkdir(parents=True, exist_ok=True)
    learned = {name: array for name, array in asdict(arrays.user).items() if name not in STANDARDISATION}
    np.savez(directory / USER_TOWER_FILE, **learned)
    np.savez(
        directory / ITEMS_FILE,
        item_ids=np.array([item.item_id for item in catalogue]),
        vectors=arrays.vectors,
        bias=arrays.bias,
    )
    entries = {
        item.item_id: CatalogueEntry(item.name, item.price, item.category, item.available, item.brand)
        for item in catalogue
    }
    (directory / CATALOGUE_FILE).write_bytes(msgspec.json.encode(entries))
    (directory / POPULARITY_FILE).write_bytes(msgspec.json.encode(popularity))
    if arrays.kept is not None:
        (directory / TRAINING_FILE).write_bytes(encode_kept(arrays.kept))
    written = REQUIRED_FILES if arrays.kept is None else (*REQUIRED_FILES, TRAINING_FILE)
    preprocessing = preprocessing_of(arrays.user, origin.countries)
    (directory / PREPROCESSING_FILE).write_bytes(_readable(preprocessing))
    write_manifest(
        directory,
        ModelManifest(
            model_version=directory.name,
            feature_service=origin.feature_service,
            created_at=datetime.now(UTC).isoformat(),
            dim=arrays.vectors.shape[1],
            items=len(catalogue),
            signature=signature_of(INPUTS),
            snapshots=origin.snapshots,
            files={name: file_digest(directory / name) for name in written},
        ),
    )


def add_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Lay more files beside those that are there, and name them in the manifest."""
    manifest = read_manifest(directory)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    added = {name: file_digest(directory / name) for name in files}
    write_manifest(directory, replace(manifest, files={**manifest.files, **added}))


def write_manifest(directory: Path, manifest: ModelManifest) -> None:
    """The manifest alone, in place of one that is there."""
    (directory / MANIFEST_FILE).write_bytes(_readable(manifest))


def _readable(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
