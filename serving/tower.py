"""The user tower's forward pass in numpy: no TensorFlow in the service, and a fraction of its call's cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.model import ITEMS_FILE, USER_TOWER_FILE, ModelManifest, read_manifest
from features.tower_input import TowerInput, Vocabulary, stack, tower_input

Floats = NDArray[np.float32]

_EPSILON = np.float32(1e-3)
_CLIP = np.float32(3.0)


@dataclass(frozen=True)
class TowerWeights:
    """Weights of the user tower, float32.

    history: [items + 1, dim], row 0 zero. age_logits: [AGE_BUCKETS]. action_logits: [ACTION_BUCKETS].
    mean, scale: [dense_width], scale the inverse deviation. hidden: [dense_width, h], hidden_bias: [h].
    out: [h, dim]. country: [countries + 1, dim].
    """

    history: Floats
    age_logits: Floats
    action_logits: Floats
    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    country: Floats


@dataclass(frozen=True)
class UserTower:
    """Maps a visitor's values to a vector; an item's score is its vector times this one, plus its bias."""

    manifest: ModelManifest
    vocabulary: Vocabulary
    weights: TowerWeights

    @classmethod
    def load(cls, directory: Path) -> UserTower:
        """The tower of an artefact. Raises ValueError where the files do not fit each other."""
        manifest = read_manifest(directory)
        with np.load(directory / ITEMS_FILE) as arrays:
            items = tuple(arrays["item_ids"].tolist())
        with np.load(directory / USER_TOWER_FILE) as arrays:
            weights = TowerWeights(**{name: arrays[name] for name in TowerWeights.__dataclass_fields__})
        expected = (len(items) + 1, manifest.dim)
        if weights.history.shape != expected:
            raise ValueError(f"{directory}: expected history weights of shape {expected}, came {weights.history.shape}")
        return cls(manifest, Vocabulary(items, tuple(manifest.categories), tuple(manifest.countries)), weights)

    def vector(self, values: Mapping[str, Any]) -> Floats:
        """The vector [dim] of a visitor with these values of `evaluate`."""
        vector: Floats = self.forward(stack([tower_input(values, self.vocabulary)]))[0]
        return vector

    def forward(self, batch: TowerInput) -> Floats:
        """Vectors [batch, dim]: the history's weighted mean, plus what the other features say."""
        weights = self.weights
        present = (batch.items > 0).astype(np.float32)
        logits = weights.age_logits[batch.ages] + weights.action_logits[batch.actions]
        attention = np.exp(logits) * present
        attention /= attention.sum(axis=1, keepdims=True) + _EPSILON
        taste = np.einsum("bh,bhd->bd", attention, weights.history[batch.items])
        dense = np.clip((batch.dense - weights.mean) * weights.scale, -_CLIP, _CLIP)
        hidden = np.maximum(dense @ weights.hidden + weights.hidden_bias, 0)
        vectors: Floats = (taste + hidden @ weights.out + weights.country[batch.country]).astype(np.float32)
        return vectors
