"""The user tower's forward pass in numpy: the one that serving answers with and that champions are measured by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.tower_input import TowerInput

Floats = NDArray[np.float32]

_EPSILON = np.float32(1e-3)
_CLIP = np.float32(3.0)


@dataclass(frozen=True)
class TowerWeights:
    """Weights of the user tower, float32.

    history: [items + 1, dim], row 0 zero. age_logits: [AGE_BUCKETS]. order_logits: [ORDER_BUCKETS].
    action_logits: [ACTION_BUCKETS].
    mean, scale: [DENSE_WIDTH], scale the inverse deviation. hidden: [DENSE_WIDTH, h], hidden_bias: [h].
    out: [h, dim]. country: [countries + 1, dim].
    """

    history: Floats
    age_logits: Floats
    order_logits: Floats
    action_logits: Floats
    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    country: Floats


def forward(weights: TowerWeights, batch: TowerInput) -> Floats:
    """Vectors [batch, dim]: the history's weighted mean, plus what the other features say."""
    present = (batch.items > 0).astype(np.float32)
    logits = weights.age_logits[batch.ages] + weights.order_logits[batch.orders] + weights.action_logits[batch.actions]
    attention = np.exp(logits) * present
    attention /= attention.sum(axis=1, keepdims=True) + _EPSILON
    taste = np.einsum("bh,bhd->bd", attention, weights.history[batch.items])
    dense = np.clip((batch.dense - weights.mean) * weights.scale, -_CLIP, _CLIP)
    hidden = np.maximum(dense @ weights.hidden + weights.hidden_bias, 0)
    vectors: Floats = (taste + hidden @ weights.out + weights.country[batch.country]).astype(np.float32)
    return vectors
