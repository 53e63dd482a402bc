"""Vector multiplication session kNN (Ludewig and Jannach 2018), over users' sequences; no library brings it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def session_knn_scores(
    recent: sparse.csr_matrix, sequences: sparse.csr_matrix, users: NDArray[np.int64], *, neighbours: int
) -> NDArray[np.float32]:
    """Scores [cases, items]: the sum over the nearest sequences with the item of how near they are.

    recent: [cases, items] weights of the current lines; sequences: [users, items] of 0 and 1; users:
    [cases], whose own sequence is no neighbour. Nearness is the product with recent over the root of
    the sequence's length.
    """
    lengths = np.maximum(np.asarray(sequences.sum(axis=1)).ravel(), 1.0)
    near = (recent @ sequences.T).toarray() / np.sqrt(lengths)[None]
    near[np.arange(len(users)), users] = 0.0
    if neighbours < near.shape[1]:
        least = -np.partition(-near, neighbours - 1, axis=1)[:, neighbours - 1 : neighbours]
        near[near < least] = 0.0
    scores: NDArray[np.float32] = np.asarray(
        (sparse.csr_matrix(near.astype(np.float32)) @ sequences).todense(), np.float32
    )
    return scores
