"""Ranking metrics over one list a moment. Lists and baskets hold places of items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]


def recall(ranked: Ints, relevant: Sequence[Ints]) -> Doubles:
    """Share of each moment's relevant items within its list; ranked: [moments, k], best first."""
    hits: Doubles = _hits(ranked, relevant).sum(axis=1).astype(np.float64)
    shares: Doubles = hits / np.array([len(items) for items in relevant], np.float64)
    return shares


def ndcg(ranked: Ints, relevant: Sequence[Ints]) -> Doubles:
    """Normalised discounted cumulative gain of each list, binary gain (Järvelin and Kekäläinen 2002).

    The ideal list holds as many relevant items as fit into it.
    """
    k = ranked.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[[min(k, len(items)) - 1 for items in relevant]]
    gains: Doubles = (_hits(ranked, relevant) * discounts).sum(axis=1) / ideal
    return gains


def reciprocal_rank(ranked: Ints, relevant: Sequence[Ints]) -> Doubles:
    """One over the place of each list's first relevant item, 0 where there is none; ranked: [moments, k]."""
    hits = _hits(ranked, relevant)
    reciprocals: Doubles = np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1.0), 0.0)
    return reciprocals


def coverage(ranked: Ints, items: int) -> float:
    """Share of all `items` that stand in at least one list."""
    return len(np.unique(ranked)) / items


def diversity(ranked: Ints, categories: Ints) -> float:
    """Mean share of a list's pairs whose two items are of different categories [items]."""
    of = categories[ranked]
    k = ranked.shape[1]
    different = (of[:, :, None] != of[:, None, :]).sum(axis=(1, 2))
    return float(np.mean(different / (k * (k - 1))))


def bootstrap_interval(values: Doubles, users: NDArray[np.str_], *, rounds: int, seed: int) -> tuple[float, float]:
    """95% interval of the mean of `values`, resampling users with all their moments (Efron 1979)."""
    _, codes = np.unique(users, return_inverse=True)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(sums), (rounds, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _hits(ranked: Ints, relevant: Sequence[Ints]) -> NDArray[np.bool_]:
    return np.stack([np.isin(row, items) for row, items in zip(ranked, relevant, strict=True)])
