"""The ranker's forward pass in numpy, the one that serving answers with, and its calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.ranking_input import COLUMNS, SHARE

Floats = NDArray[np.float32]

_CLIP = np.float32(4.0)


@dataclass(frozen=True)
class RankerWeights:
    """Weights of a deep-and-cross network over f columns, float32; f is the length of `features.ranking_input.COLUMNS`.

    mean, scale: [f], scale the inverse deviation. cross: [layers, f, f], cross_bias: [layers, f] (Wang et al. 2021,
    equation 1). hidden: [f, h], hidden_bias: [h]. out: [f + h], over the last cross and the hidden layer.
    base: [] what the retriever's own share counts. calibration: [2], slope and intercept (Platt 1999).
    """

    mean: Floats
    scale: Floats
    cross: Floats
    cross_bias: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    base: Floats
    calibration: Floats

    def __post_init__(self) -> None:
        """Raises ValueError where the shapes do not fit each other or a number is not finite."""
        columns, layers, hidden = len(COLUMNS), len(self.cross), len(self.hidden_bias)
        expected = {
            "mean": (columns,),
            "scale": (columns,),
            "cross": (layers, columns, columns),
            "cross_bias": (layers, columns),
            "hidden": (columns, hidden),
            "out": (columns + hidden,),
            "base": (),
            "calibration": (2,),
        }
        for name, shape in expected.items():
            came = getattr(self, name)
            if came.shape != shape:
                raise ValueError(f"ranker: expected {name} of shape {list(shape)}, came {list(came.shape)}")
        for name, array in self.arrays().items():
            if not np.isfinite(array).all():
                raise ValueError(f"ranker: expected finite {name}, came infinities or not-a-numbers")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> RankerWeights:
        """From an archive's arrays. Raises KeyError where one is absent, ValueError where they do not fit."""
        return cls(**{field.name: arrays[field.name].astype(np.float32) for field in fields(cls)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, as an archive keeps them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def forward(weights: RankerWeights, columns: Floats) -> Floats:
    """Logits [n] of `ranking_input`'s columns [n, f]; they order the candidates of one list."""
    inputs = np.clip((columns - weights.mean) * weights.scale, -_CLIP, _CLIP)
    crossed = inputs
    for kernel, bias in zip(weights.cross, weights.cross_bias, strict=True):
        crossed = inputs * (crossed @ kernel + bias) + crossed
    hidden = np.maximum(inputs @ weights.hidden + weights.hidden_bias, 0)
    width = len(weights.mean)
    logits: Floats = (
        crossed @ weights.out[:width] + hidden @ weights.out[width:] + weights.base * columns[:, SHARE]
    ).astype(np.float32)
    return logits


def calibrated(weights: RankerWeights, logits: Floats) -> Floats:
    """Chances [n] that a candidate is what follows, from its logit; the order stays."""
    slope, intercept = weights.calibration
    chances: Floats = (1.0 / (1.0 + np.exp(-(slope * logits + intercept)))).astype(np.float32)
    return chances
