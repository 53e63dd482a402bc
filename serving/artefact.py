"""Reads a promoted model's directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from contracts import model as layout
from contracts.golden import read_golden
from contracts.item import Item
from features.ranking_files import RankerFile, read_ranker
from features.ranking_input import RANKING_VALUES
from features.signature import require_known
from features.tower_files import read_tower
from serving.composer import Composer
from serving.golden import check_golden
from serving.index import Floats
from serving.popularity import Popularity
from serving.rules import RULE_FEATURES
from serving.tower import UserTower


@dataclass(frozen=True)
class Artefact:
    """A model's directory in memory. `features` are the values that it reads.

    Where its ranker cannot be read `ranker_error` says why, and the model answers without.
    """

    version: str
    tower: UserTower
    items: tuple[str, ...]
    vectors: Floats
    bias: Floats
    catalogue: Mapping[str, Item]
    popularity: Popularity
    features: tuple[str, ...]
    ranker: RankerFile | None = None
    ranker_error: str = ""


def read_artefact(directory: Path) -> Artefact:
    """The model in `directory`, once it has answered its golden requests as it did when it was trained.

    Raises ValueError where its parts do not fit each other, AlteredFile where one is not what was written,
    GoldenMismatch where it answers something else, and whatever a broken file raises.
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
    ranker, ranker_error = _read_ranker(directory, manifest)
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
        features=tuple(dict.fromkeys((*inputs, *RULE_FEATURES, *(RANKING_VALUES if ranker else ())))),
        ranker=ranker,
        ranker_error=ranker_error,
    )
    model = Composer().compose(artefact, None, None).model
    if model is None:
        raise ValueError(f"{directory}: expected a model with items, came none")
    index = model.index
    check_golden(read_golden(directory), inputs, lambda values, count: index.search(tower.vector(values), count))
    return artefact


def _read_ranker(directory: Path, manifest: layout.ModelManifest) -> tuple[RankerFile | None, str]:
    """The ranker that came with the model, or why it cannot be read; neither where none came."""
    path = directory / layout.RANKER_FILE
    if layout.RANKER_FILE not in manifest.files:
        return None, ""
    try:
        ranker = read_ranker(path)
        counted = len(ranker.statistics.on_sale_days)
        if counted != manifest.items:
            raise ValueError(f"{path}: expected statistics of {manifest.items} items, came {counted}")
        return ranker, ""
    except Exception as error:  # noqa: BLE001 - a file can be broken in more ways than a reader names
        structlog.get_logger(__name__).exception("ranker.unreadable", path=str(path), kept="retrieval's order")
        return None, f"{type(error).__name__}: {error}"


def read_popularity(path: Path) -> Popularity:
    """Popularity beside the catalogue, as a backfill writes it. Raises ValueError on a broken file."""
    try:
        return Popularity(msgspec.json.decode(path.read_bytes(), type=layout.Popularity))
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected popularity by item, country and category: {error}") from error
