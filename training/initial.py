"""Where the items' vectors begin: close to items that were bought together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from training.baselines import co_purchase_similarity
from training.config import KnnConfig, TowerConfig
from training.dataset import Dataset

Floats = NDArray[np.float32]


def co_purchase_vectors(dataset: Dataset, cutoff_us: int, config: TowerConfig) -> tuple[Floats, Floats]:
    """History's and offered vectors [items, dim] whose products approach the co-purchase similarity.

    A truncated SVD, its singular values shared between both sides (Levy and Goldberg 2014,
    section 3.3), scaled to `config.initial_scale`. An item that nobody bought begins at zero.
    """
    similarity = co_purchase_similarity(
        dataset,
        cutoff_us,
        KnnConfig(
            shrink=config.initial_shrink,
            half_life_days=config.initial_half_life_days,
            neighbours=len(dataset.vocabulary.items),
            exponent=0.5,
        ),
    )
    dim = min(config.dim, len(similarity) - 1)
    left, values, right = svds(similarity.astype(np.float64), k=dim, v0=np.ones(len(similarity)))
    root = np.sqrt(np.maximum(values, 0.0))
    return _scaled(left * root, config), _scaled(right.T * root, config)


def _scaled(vectors: NDArray[np.float64], config: TowerConfig) -> Floats:
    size = np.sqrt(np.mean(np.square(vectors))) or 1.0
    padded = np.zeros((len(vectors), config.dim), np.float32)
    padded[:, : vectors.shape[1]] = vectors * (config.initial_scale / size)
    return padded
