"""The user tower of a model's directory: one reading for the service and for those who measure it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contracts.model import ITEMS_FILE, USER_TOWER_FILE, Preprocessing, read_preprocessing
from features.actions import ACTIONS
from features.tower_forward import Floats, TowerWeights
from features.tower_input import AGE_BUCKETS, DENSE, HISTORY, ORDER_BUCKETS, Vocabulary

# Kept in the preprocessing, where people can read them.
STANDARDISATION = ("mean", "scale")


class TowerFiles(NamedTuple):
    """The user tower, and what it finds: vectors [items, dim] and bias [items], in the vocabulary's order."""

    weights: TowerWeights
    vocabulary: Vocabulary
    vectors: Floats
    bias: Floats


def read_tower(directory: Path) -> TowerFiles:
    """Raises ValueError where the files do not fit each other or this code, and what a broken file raises."""
    preprocessing = read_preprocessing(directory)
    require_same_input(preprocessing)
    with np.load(directory / ITEMS_FILE, allow_pickle=False) as arrays:
        items = tuple(str(item) for item in arrays["item_ids"].tolist())
        vectors, bias = arrays["vectors"], arrays["bias"]
    with np.load(directory / USER_TOWER_FILE, allow_pickle=False) as arrays:
        weights = _weights(arrays, preprocessing)
    expected = (len(items) + 1, *vectors.shape[1:])
    if weights.history.shape != expected:
        raise ValueError(f"{directory}: expected history weights of shape {expected}, came {weights.history.shape}")
    return TowerFiles(weights, Vocabulary(items, preprocessing.countries), vectors, bias)


def _weights(arrays: Mapping[str, Any], preprocessing: Preprocessing) -> TowerWeights:
    learned = {field.name: arrays[field.name] for field in fields(TowerWeights) if field.name not in STANDARDISATION}
    return TowerWeights(
        **learned,
        mean=np.array(preprocessing.mean, np.float32),
        scale=np.array(preprocessing.scale, np.float32),
    )


def preprocessing_of(weights: TowerWeights, countries: tuple[str, ...]) -> Preprocessing:
    """How this code makes the arrays that a tower with these weights reads."""
    return Preprocessing(
        history=HISTORY,
        age_buckets=AGE_BUCKETS,
        order_buckets=ORDER_BUCKETS,
        actions=tuple(kind.value for kind in ACTIONS),
        countries=countries,
        dense=DENSE,
        # A float32 written as a decimal fraction comes back as the same float32.
        mean=tuple(weights.mean.tolist()),
        scale=tuple(weights.scale.tolist()),
    )


def require_same_input(preprocessing: Preprocessing) -> None:
    """Raises ValueError where this code makes other arrays than those that the tower was fitted to."""
    ours = {
        "history": HISTORY,
        "age_buckets": AGE_BUCKETS,
        "order_buckets": ORDER_BUCKETS,
        "actions": tuple(kind.value for kind in ACTIONS),
        "dense": DENSE,
    }
    for name, value in ours.items():
        came = getattr(preprocessing, name)
        if came != value:
            raise ValueError(f"preprocessing: expected {name} {value!r}, came {came!r}: fitted to another input")
    for name in STANDARDISATION:
        if len(getattr(preprocessing, name)) != len(DENSE):
            raise ValueError(
                f"preprocessing: expected {name} [{len(DENSE)}], came [{len(getattr(preprocessing, name))}]"
            )
