"""What training hands to serving: a directory of plain arrays and JSON, described by its manifest.

    manifest.json    ModelManifest
    user_tower.npz   weights of the user tower, see `serving.tower`
    items.npz        item_ids [n], vectors [n, dim] float32, bias [n] float32
    catalogue.json   item id -> {name, price, category, available}
    popularity.json  Popularity

The score of an item for a user is `vectors @ user + bias`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

FORMAT_VERSION = 1
REGISTERED_MODEL = "clickloop-two-tower"
CHAMPION_ALIAS = "champion"

MANIFEST_FILE = "manifest.json"
USER_TOWER_FILE = "user_tower.npz"
ITEMS_FILE = "items.npz"
CATALOGUE_FILE = "catalogue.json"
POPULARITY_FILE = "popularity.json"
POINTER_FILE = "champion"


class ModelManifest(Struct, frozen=True, kw_only=True):
    """Where a model comes from and what it reads. `snapshots` maps lake tables to Iceberg snapshot ids."""

    format_version: int = FORMAT_VERSION
    model_version: str
    feature_service: str
    created_at: str
    dim: int
    items: int
    countries: list[str]
    snapshots: dict[str, int]
    metrics: dict[str, dict[str, float]]


class CatalogueEntry(Struct, frozen=True):
    """What an answer shows of an item."""

    name: str
    price: float
    category: str
    available: bool = True


class Popularity(Struct, frozen=True):
    """Items by popularity, most popular first, with their time-decayed counts of purchases."""

    overall: list[tuple[str, float]]
    by_category: dict[str, list[tuple[str, float]]]
    by_country: dict[str, list[tuple[str, float]]]


def read_manifest(directory: Path) -> ModelManifest:
    """The manifest of an artefact. Raises ValueError on another format, FileNotFoundError where there is none."""
    path = directory / MANIFEST_FILE
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=ModelManifest)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected a model manifest: {error}") from error
    if manifest.format_version != FORMAT_VERSION:
        raise ValueError(f"{path}: expected format {FORMAT_VERSION}, came {manifest.format_version}")
    return manifest


def read_catalogue(directory: Path) -> dict[str, CatalogueEntry]:
    """Item id to what an answer shows. Raises msgspec.DecodeError on a broken file."""
    return msgspec.json.decode((directory / CATALOGUE_FILE).read_bytes(), type=dict[str, CatalogueEntry])


def read_popularity(directory: Path) -> Popularity:
    """Items by popularity. Raises msgspec.DecodeError on a broken file."""
    return msgspec.json.decode((directory / POPULARITY_FILE).read_bytes(), type=Popularity)


def read_pointer(model_dir: Path) -> str | None:
    """The version that serving shall answer with, or None before the first promotion."""
    path = model_dir / POINTER_FILE
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None
