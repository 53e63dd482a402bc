"""The models to beat: popularity of all time, popularity of late, and item-kNN tuned as hard as the towers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.instant import DAY_US
from training.config import KnnConfig
from training.dataset import Dataset, Longs, Purchases

Floats = NDArray[np.float32]

_SECONDS_A_DAY = 86_400.0
_TINY = 1e-300
# Below any similarity that a recent line brings along.
_FALLBACK = 1e-5


class Scorer(Protocol):
    """Scores [moments, items] of moments of a dataset; a higher score is better."""

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats: ...


class Popularity:
    """Decayed count of purchases; the same list for everybody."""

    def __init__(self, purchases: Purchases, cutoff_us: int, *, half_life_days: float | None) -> None:
        self.counts = decayed_counts(purchases, cutoff_us, half_life_days)

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        scores: Floats = np.broadcast_to(self.counts.astype(np.float32), (len(rows), len(self.counts)))
        return scores


class ItemKnn:
    """Neighbours of what the visitor had of late (Sarwar et al. 2001), co-purchases of one basket counting.

    similarity(i, j) = c(i, j) / (c(i, i) ** (1 - exponent) * c(j, j) ** exponent + shrink) with decayed
    counts c, kept for each i's `neighbours` most similar j; the score of j is the sum over the
    history, each line weighted by its age. Where the neighbours say nothing, popularity of late
    decides: a first-time visitor gets that, and it breaks ties.
    """

    def __init__(self, purchases: Purchases, cutoff_us: int, config: KnnConfig) -> None:
        self._config = config
        self._similarity = co_purchase_similarity(purchases, cutoff_us, config)
        counts = decayed_counts(purchases, cutoff_us, config.popularity_half_life_days)
        self._fallback = (_FALLBACK * counts / max(counts.max(), _TINY)).astype(np.float32)

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        items = dataset.inputs.items[rows]
        ages_days = dataset.ages_s[rows].astype(np.float64) / _SECONDS_A_DAY
        weights = np.where(items > 0, np.exp2(-ages_days / self._config.history_half_life_days), 0.0)
        # Relative to the newest line: only the order of items counts, and old histories would vanish.
        weights = weights / np.maximum(weights.max(axis=1, keepdims=True), _TINY)
        present = items > 0
        places = np.nonzero(present)[0]
        history = sparse.csr_matrix(
            (weights[present], (places, items[present] - 1)),
            shape=(len(rows), len(dataset.vocabulary.items)),
        )
        scores: Floats = (history @ self._similarity).astype(np.float32) + self._fallback
        return scores


class WithFallback:
    """A scorer that leaves visitors without any history to another one, as the service does."""

    def __init__(self, scorer: Scorer, fallback: Scorer) -> None:
        self._scorer, self._fallback = scorer, fallback

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        known = (dataset.inputs.items[rows] > 0).any(axis=1, keepdims=True)
        scores: Floats = np.where(known, self._scorer(dataset, rows), self._fallback(dataset, rows))
        return scores


def decayed_counts(purchases: Purchases, cutoff_us: int, half_life_days: float | None) -> NDArray[np.float64]:
    """Purchases of each item [items], each halved every `half_life_days` before the cutoff; None counts them all."""
    ages = (cutoff_us - purchases.at_us) / DAY_US
    weights = np.ones(len(purchases)) if half_life_days is None else np.exp2(-ages / half_life_days)
    per_line = np.repeat(weights, purchases.purchased.lengths)
    counts = np.bincount(purchases.purchased.flat, per_line, minlength=len(purchases.vocabulary.items))
    return counts.astype(np.float64)


def co_purchase_similarity(purchases: Purchases, cutoff_us: int, config: KnnConfig) -> Floats:
    """The similarities of `ItemKnn` [items, items], float32; the diagonal is 0."""
    count = len(purchases.vocabulary.items)
    ages = (cutoff_us - purchases.at_us) / DAY_US
    weights = np.repeat(np.exp2(-ages / (2.0 * config.half_life_days)), purchases.purchased.lengths)
    baskets = sparse.csr_matrix(
        (weights, purchases.purchased.flat, purchases.purchased.starts), (len(purchases), count)
    )
    together = (baskets.T @ baskets).tocoo()
    alone = together.diagonal()
    norm = (alone ** (1.0 - config.exponent))[together.row] * (alone**config.exponent)[together.col] + config.shrink
    similarity = np.zeros(together.shape, np.float32)
    similarity[together.row, together.col] = together.data / np.maximum(norm, 1e-9)
    np.fill_diagonal(similarity, 0.0)
    if config.neighbours < count:
        least = -np.partition(-similarity, config.neighbours - 1, axis=1)[:, config.neighbours - 1 : config.neighbours]
        similarity[similarity < least] = 0.0
    return similarity
