"""A model of the trained one's size with weights drawn by lot: what it answers is noise, what it costs is real."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from bench.traffic import zipf_events
from contracts import model as layout
from contracts.golden import GOLDEN_FILE
from contracts.item import Item
from contracts.settings import Settings
from features.fold import fold
from features.state import encode_state, new_state
from features.tower_forward import TowerWeights
from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, DENSE_WIDTH, ORDER_BUCKETS
from training.artefact import Origin, TowerArrays, add_files, write_artefact
from training.artefact_scorer import ArtefactScorer
from training.config import TowerConfig
from training.golden import Instant, golden_file

VERSION = "bench"
COUNTRIES = ("United Kingdom",)


def write_random_model(settings: Settings, *, items: int, categories: int, seed: int) -> None:
    """Lay an artefact of `items` items named as `bench.traffic` names them, and point the service at it."""
    lot = np.random.default_rng(seed)
    size = TowerConfig()
    catalogue = [
        Item(f"item-{number}", f"Article {number}", 0.5 + number % 90, f"category-{number % categories}")
        for number in range(items)
    ]
    arrays = TowerArrays(
        user=_weights(size, items, lot),
        vectors=lot.normal(size=(items, size.dim)).astype(np.float32),
        bias=lot.normal(size=items).astype(np.float32),
    )
    counts = [(item.item_id, float(items - place)) for place, item in enumerate(catalogue)]
    popularity = layout.Popularity(overall=counts, by_category={}, by_country={})
    write_artefact(
        settings.model_dir / VERSION, arrays, catalogue, popularity, Origin("two_tower_v1", countries=COUNTRIES)
    )
    golden = golden_file(ArtefactScorer(settings.model_dir / VERSION), [_visitor(seed)])
    add_files(settings.model_dir / VERSION, {GOLDEN_FILE: golden})
    (settings.model_dir / layout.POINTER_FILE).write_text(VERSION)


def _visitor(seed: int) -> Instant:
    """Somebody who has been there for an hour."""
    state = new_state()
    for event in zipf_events(count=200, users=1, seed=seed):
        fold(state, event)
    return Instant(encode_state(state), state.event_us)


def _weights(size: TowerConfig, items: int, lot: np.random.Generator) -> TowerWeights:
    shapes: dict[str, tuple[int, ...]] = {
        "history": (items + 1, size.dim),
        "age_logits": (AGE_BUCKETS,),
        "order_logits": (ORDER_BUCKETS,),
        "action_logits": (ACTION_BUCKETS,),
        "mean": (DENSE_WIDTH,),
        "scale": (DENSE_WIDTH,),
        "hidden": (DENSE_WIDTH, size.hidden),
        "hidden_bias": (size.hidden,),
        "out": (size.hidden, size.dim),
        "country": (len(COUNTRIES) + 1, size.dim),
    }
    names = [field.name for field in fields(TowerWeights)]
    if set(shapes) != set(names):
        raise ValueError(f"expected the weights {sorted(shapes)}, the tower has {sorted(names)}")
    return TowerWeights(**{name: lot.normal(scale=0.1, size=shapes[name]).astype(np.float32) for name in names})
