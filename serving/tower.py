"""The user tower of an artefact: no TensorFlow in the service, and a fraction of its call's cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.tower_forward import TowerWeights, forward
from features.tower_input import Vocabulary, stack, tower_input

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class UserTower:
    """Maps a visitor's values to a vector; an item's score is its vector times this one, plus its bias."""

    vocabulary: Vocabulary
    weights: TowerWeights

    def vector(self, values: Mapping[str, Any]) -> Floats:
        """The vector [dim] of a visitor with these values of `evaluate`."""
        vector: Floats = forward(self.weights, stack([tower_input(values, self.vocabulary)]))[0]
        return vector
