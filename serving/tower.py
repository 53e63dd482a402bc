"""The user tower of an artefact: no TensorFlow in the service, and a fraction of its call's cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.model import ITEMS_FILE, USER_TOWER_FILE, ModelManifest, read_manifest
from features.tower_forward import TowerWeights, forward
from features.tower_input import Vocabulary, stack, tower_input

Floats = NDArray[np.float32]


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
            weights = TowerWeights(**{field.name: arrays[field.name] for field in fields(TowerWeights)})
        expected = (len(items) + 1, manifest.dim)
        if weights.history.shape != expected:
            raise ValueError(f"{directory}: expected history weights of shape {expected}, came {weights.history.shape}")
        return cls(manifest, Vocabulary(items, tuple(manifest.countries)), weights)

    def vector(self, values: Mapping[str, Any]) -> Floats:
        """The vector [dim] of a visitor with these values of `evaluate`."""
        vector: Floats = forward(self.weights, stack([tower_input(values, self.vocabulary)]))[0]
        return vector
