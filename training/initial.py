"""Where the items' vectors begin: close to items that were bought together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from training.baselines import co_purchase_similarity
from training.config import KnnConfig, TowerConfig
from training.dataset import Purchases

Floats = NDArray[np.float32]

_ROUNDS = 3


@dataclass(frozen=True)
class Beginning:
    """Vectors that a fit begins with, [items, dim] each: of items in a history, and of items on offer."""

    history: Floats
    offered: Floats


def co_purchase_vectors(purchases: Purchases, cutoff_us: int, config: TowerConfig) -> Beginning:
    """Vectors whose products, history's by offered's, approach the co-purchase similarity.

    A truncated SVD, its singular values shared between both sides (Levy and Goldberg 2014,
    section 3.3), scaled to `config.initial_scale`. An item that nobody bought begins at zero.
    """
    similarity = _similarity(purchases, cutoff_us, config)
    dim = min(config.dim, len(similarity) - 1)
    left, values, right = svds(similarity.astype(np.float64), k=dim, v0=np.ones(len(similarity)))
    return _beginning(left, values, right.T, config)


def follow(purchases: Purchases, cutoff_us: int, config: TowerConfig, earlier: Beginning) -> Beginning:
    """`co_purchase_vectors` of today, in the directions of `earlier`, whose rows are today's items.

    Block power iteration from the earlier vectors (Halko et al. 2011, algorithm 4.4), which a
    few weeks have hardly turned: milliseconds where the SVD takes seconds. The vectors then are rotated
    onto the earlier ones (Schönemann 1966), for only products are given and what else the towers
    learned refers to those directions. Rows of zeros in `earlier` are new items and have no say in it.
    """
    similarity = _similarity(purchases, cutoff_us, config)
    right = np.linalg.qr(earlier.offered)[0]
    for _ in range(_ROUNDS):
        left = np.linalg.qr(similarity @ right)[0]
        right = np.linalg.qr(similarity.T @ left)[0]
    turn_left, values, turn_right = np.linalg.svd(left.T @ similarity @ right)
    today = _beginning(left @ turn_left, values, right @ turn_right.T, config)
    crossed = today.history.T @ earlier.history + today.offered.T @ earlier.offered
    first, _, second = np.linalg.svd(crossed)
    rotation = first @ second
    return Beginning(today.history @ rotation, today.offered @ rotation)


def _similarity(purchases: Purchases, cutoff_us: int, config: TowerConfig) -> Floats:
    return co_purchase_similarity(
        purchases,
        cutoff_us,
        KnnConfig(
            shrink=config.initial_shrink,
            half_life_days=config.initial_half_life_days,
            neighbours=len(purchases.vocabulary.items),
            exponent=0.5,
        ),
    )


def _beginning(left: NDArray[Any], values: NDArray[Any], right: NDArray[Any], config: TowerConfig) -> Beginning:
    root = np.sqrt(np.maximum(values, 0.0))
    return Beginning(_scaled(left * root, config), _scaled(right * root, config))


def _scaled(vectors: NDArray[Any], config: TowerConfig) -> Floats:
    size = np.sqrt(np.mean(np.square(vectors))) or 1.0
    padded = np.zeros((len(vectors), config.dim), np.float32)
    padded[:, : vectors.shape[1]] = vectors * (config.initial_scale / size)
    return padded
