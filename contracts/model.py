"""What training hands to serving: a directory of plain arrays and JSON, described by its manifest.

    manifest.json       ModelManifest; written last
    preprocessing.json  Preprocessing
    user_tower.npz      what the user tower learned, see `features.tower_files`
    items.npz           item_ids [n], vectors [n, dim] float32, bias [n] float32
    catalogue.json      item id -> {name, price, category, available, brand}
    popularity.json     Popularity
    ranker.npz          where a ranker goes with it, see `features.ranking_files`

The score of an item for a user is `vectors @ user + bias`. Other files may be there: those that the
manifest names belong to the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from contracts.item import Item

FORMAT_VERSION = 2
REGISTERED_MODEL = "clickloop-two-tower"
CHAMPION_ALIAS = "champion"

MANIFEST_FILE = "manifest.json"
PREPROCESSING_FILE = "preprocessing.json"
USER_TOWER_FILE = "user_tower.npz"
ITEMS_FILE = "items.npz"
CATALOGUE_FILE = "catalogue.json"
POPULARITY_FILE = "popularity.json"
RANKER_FILE = "ranker.npz"
POINTER_FILE = "champion"

# What a model cannot answer without; a manifest may name more.
REQUIRED_FILES = (PREPROCESSING_FILE, USER_TOWER_FILE, ITEMS_FILE, CATALOGUE_FILE, POPULARITY_FILE)


class AlteredFile(ValueError):
    """A file of a model is missing, torn or not the one that was written."""


class Column(Struct, frozen=True):
    """A named value; `dtype` is one of `features.values.Dtype`."""

    name: str
    dtype: str


class Signature(Struct, frozen=True):
    """What a model reads of a visitor, and what it gives for each item."""

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]


class Preprocessing(Struct, frozen=True, kw_only=True):
    """How values become the tower's arrays, as it was when the tower was fitted.

    `history`, `age_buckets` and `order_buckets` are sizes, `actions` and `countries` the names by code from 1,
    `dense` the names of the dense columns, `mean` and `scale` (inverse deviation) what each is standardised by.
    """

    history: int
    age_buckets: int
    order_buckets: int
    actions: tuple[str, ...]
    countries: tuple[str, ...]
    dense: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]


class ModelManifest(Struct, frozen=True, kw_only=True):
    """What the model is, where it comes from and what it reads.

    `snapshots` maps lake tables to Iceberg snapshot ids, `files` the model's files to their SHA-256 in hex.
    """

    format_version: int = FORMAT_VERSION
    model_version: str
    feature_service: str
    created_at: str
    dim: int
    items: int
    signature: Signature
    snapshots: Mapping[str, int]
    files: Mapping[str, str]


class CatalogueEntry(Struct, frozen=True):
    """What an answer shows of an item, and what a ranker reads of it."""

    name: str
    price: float
    category: str
    available: bool = True
    brand: str | None = None

    def item(self, item_id: str) -> Item:
        """The item of that id."""
        return Item(item_id, self.name, self.price, self.category, self.available, self.brand)


class Popularity(Struct, frozen=True):
    """Items by popularity, most popular first, with their time-decayed counts of purchases."""

    overall: list[tuple[str, float]]
    by_category: dict[str, list[tuple[str, float]]]
    by_country: dict[str, list[tuple[str, float]]]


class _Format(Struct):
    format_version: int = 0


def read_manifest(directory: Path) -> ModelManifest:
    """The manifest of an artefact. Raises ValueError on another format, FileNotFoundError where there is none."""
    path = directory / MANIFEST_FILE
    try:
        content = path.read_bytes()
        found = msgspec.json.decode(content, type=_Format).format_version
        if found != FORMAT_VERSION:
            raise ValueError(
                f"{path}: expected format {FORMAT_VERSION}, came {found}; `clickloop train` writes a new one"
            )
        manifest = msgspec.json.decode(content, type=ModelManifest)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected a model manifest: {error}") from error
    left_out = [name for name in REQUIRED_FILES if name not in manifest.files]
    if left_out:
        raise ValueError(f"{path}: expected the files {', '.join(REQUIRED_FILES)}, came none named {left_out[0]}")
    return manifest


def verify_files(directory: Path, manifest: ModelManifest) -> None:
    """Compare each file that the manifest names with its digest. Raises AlteredFile, naming the first that differs."""
    for name, digest in manifest.files.items():
        path = directory / name
        try:
            came = file_digest(path)
        except OSError as error:
            raise AlteredFile(f"{path}: expected a file of the model, came {error}") from error
        if came != digest:
            raise AlteredFile(f"{path}: expected SHA-256 {digest[:12]}…, came {came[:12]}…: half-written or altered")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises OSError."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_preprocessing(directory: Path) -> Preprocessing:
    """How values become arrays. Raises msgspec.DecodeError on a broken file."""
    return msgspec.json.decode((directory / PREPROCESSING_FILE).read_bytes(), type=Preprocessing)


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
