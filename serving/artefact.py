"""Reads a promoted model's directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import structlog

from contracts import model as layout
from contracts.golden import Golden, read_golden
from contracts.item import Item
from features.ranking_files import RankerFile, read_ranker
from features.ranking_input import RANKING_VALUES
from features.signature import require_known
from features.tower_files import read_tower
from serving.composer import Composer
from serving.golden import check_golden, check_ranked
from serving.index import Floats
from serving.popularity import Popularity
from serving.ranker import Ranker
from serving.rules import RULE_FEATURES
from serving.tower import UserTower


@dataclass(frozen=True)
class Artefact:
    """A model's directory in memory. `inputs` are the values that its tower reads.

    Where its ranker cannot be read, or answers otherwise than when it was trained, `ranker_error` says why,
    and the model answers without.
    """

    version: str
    tower: UserTower
    items: tuple[str, ...]
    vectors: Floats
    bias: Floats
    catalogue: Mapping[str, Item]
    popularity: Popularity
    inputs: tuple[str, ...]
    ranker: RankerFile | None = None
    ranker_error: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """The values that an answer rests on."""
        return tuple(dict.fromkeys((*self.inputs, *RULE_FEATURES, *(RANKING_VALUES if self.ranker else ()))))


def read_artefact(directory: Path) -> Artefact:
    """The model in `directory`, once it has answered its golden requests as it did when it was trained.

    A ranker that cannot be read or answers something else is left out, `ranker_error` saying why.
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
    ranker, ranker_error = _read_ranker(directory, manifest)
    artefact = Artefact(
        version=manifest.model_version,
        tower=tower,
        items=files.vocabulary.items,
        vectors=files.vectors,
        bias=files.bias,
        catalogue={item_id: entry.item(item_id) for item_id, entry in layout.read_catalogue(directory).items()},
        popularity=Popularity(layout.read_popularity(directory)),
        inputs=tuple(column.name for column in manifest.signature.inputs),
        ranker=ranker,
        ranker_error=ranker_error,
    )
    model = Composer().compose(artefact, None, None).model
    if model is None:
        raise ValueError(f"{directory}: expected a model with items, came none")
    golden, index = read_golden(directory), model.index
    check_golden(golden, artefact.inputs, lambda values, count: index.search(tower.vector(values), count))
    fault = "" if model.ranker is None else _fault(golden, model.ranker)
    return replace(artefact, ranker=None, ranker_error=fault) if fault else artefact


def _fault(golden: Golden, ranker: Ranker) -> str:
    """Why the ranker may not answer; empty where it may."""
    try:
        check_ranked(golden, RANKING_VALUES, ranker.rank)
    except Exception as error:  # noqa: BLE001 - a ranker can fail in more ways than its answers differ
        return _refused("ranker.refused", error)
    return ""


def _refused(event: str, error: Exception) -> str:
    structlog.get_logger(__name__).error(event, kept="retrieval's order", exc_info=error)
    return f"{type(error).__name__}: {error}"


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
        return None, _refused("ranker.unreadable", error)


def read_popularity(path: Path) -> Popularity:
    """Popularity beside the catalogue, as a backfill writes it. Raises ValueError on a broken file."""
    try:
        return Popularity(msgspec.json.decode(path.read_bytes(), type=layout.Popularity))
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected popularity by item, country and category: {error}") from error
