"""Small real artefacts, laid out as `contracts.model` says, with item vectors whose answers can be told by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from contracts import model as layout
from contracts.item import Item
from contracts.settings import Settings
from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, Vocabulary
from serving.tower import TowerWeights


def write_artefact(settings: Settings, version: str, items: Sequence[Item], *, reverse: bool = False) -> Path:
    """A model whose user vector is the direction of the items last acted on, weighted equally.

    Item n of N points to the angle pi * n / (2 N): the neighbours of an item by number are those most like it.
    `reverse` turns the items around: then the least alike come first.
    """
    directory = settings.model_dir / version
    directory.mkdir(parents=True)
    count = len(items)
    angles = np.linspace(0.0, np.pi / 2, count)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    categories = sorted({item.category for item in items})
    names = tuple(item.item_id for item in items)
    _write_tower(directory, vectors, Vocabulary(names, tuple(categories), ("France",)))
    placed = -vectors if reverse else vectors
    np.savez(directory / layout.ITEMS_FILE, item_ids=np.array(names), vectors=placed, bias=np.zeros(count, np.float32))
    _write_json(directory / layout.CATALOGUE_FILE, _entries(items))
    _write_json(directory / layout.POPULARITY_FILE, popularity(items))
    manifest = layout.ModelManifest(
        model_version=version,
        feature_service="two_tower_v1",
        created_at="2026-11-21T00:00:00+00:00",
        dim=2,
        items=count,
        countries=["France"],
        categories=categories,
        snapshots={},
        metrics={},
    )
    _write_json(directory / layout.MANIFEST_FILE, manifest)
    return directory


def promote(settings: Settings, version: str) -> None:
    """Point the service at a version, in one step."""
    waiting = settings.model_dir / "champion.new"
    waiting.write_text(version)
    waiting.replace(settings.model_dir / layout.POINTER_FILE)


def popularity(items: Sequence[Item]) -> layout.Popularity:
    """The first item is the most popular; in France the last."""
    count = len(items)
    overall = [(item.item_id, float(count - place)) for place, item in enumerate(items)]
    categories = sorted({item.category for item in items})
    by_category = {
        category: [
            (item.item_id, float(count - place)) for place, item in enumerate(items) if item.category == category
        ]
        for category in categories
    }
    french = [(item.item_id, float(place + 1)) for place, item in enumerate(items)][::-1]
    return layout.Popularity(overall=overall, by_category=by_category, by_country={"France": french})


def _entries(items: Iterable[Item]) -> dict[str, layout.CatalogueEntry]:
    return {item.item_id: layout.CatalogueEntry(item.name, item.price, item.category, item.available) for item in items}


def _write_tower(
    directory: Path, vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], vocabulary: Vocabulary
) -> None:
    dim, width, hidden = vectors.shape[1], vocabulary.dense_width, 3
    weights = TowerWeights(
        history=np.concatenate([np.zeros((1, dim), np.float32), vectors]),
        age_logits=np.zeros(AGE_BUCKETS, np.float32),
        action_logits=np.zeros(ACTION_BUCKETS, np.float32),
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        hidden=np.zeros((width, hidden), np.float32),
        hidden_bias=np.zeros(hidden, np.float32),
        out=np.zeros((hidden, dim), np.float32),
        country=np.zeros((len(vocabulary.countries) + 1, dim), np.float32),
    )
    arrays = {name: getattr(weights, name) for name in TowerWeights.__dataclass_fields__}
    np.savez(directory / layout.USER_TOWER_FILE, allow_pickle=False, **arrays)


def _write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.encode(content))
