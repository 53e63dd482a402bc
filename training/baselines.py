"""The models to beat: popularity of all time, popularity of late, and item-kNN tuned as hard as the towers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.instant import DAY_US
from training.config import KnnConfig
from training.dataset import Dataset, Longs

Floats = NDArray[np.float32]


class Scorer(Protocol):
    """Scores [moments, items] of moments of a dataset; a higher score is better."""

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats: ...


class Popularity:
    """Decayed count of purchases; the same list for everybody."""

    def __init__(self, dataset: Dataset, cutoff_us: int, *, half_life_days: float | None) -> None:
        self.counts = decayed_counts(dataset, cutoff_us, half_life_days)

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        return np.broadcast_to(self.counts.astype(np.float32), (len(rows), len(self.counts)))


class ItemKnn:
    """Neighbours of what the visitor had of late (Sarwar et al. 2001), co-purchases of one basket counting.

    similarity(i, j) = c(i, j) / (c(i, i) ** (1 - exponent) * c(j, j) ** exponent + shrink) with decayed
    counts c, kept for each i's `neighbours` most similar j; the score of j is the sum over the
    history, each line weighted by its age.
    """

    def __init__(self, dataset: Dataset, cutoff_us: int, config: KnnConfig) -> None:
        self._config = config
        self._similarity = _similarity(dataset, cutoff_us, config)

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        items = dataset.inputs.items[rows]
        ages_days = dataset.ages_s[rows] / 86_400.0
        weights = np.where(items > 0, np.exp2(-ages_days / self._config.history_half_life_days), 0.0)
        # Relative to the newest line: only the order of items counts, and old histories would vanish.
        weights /= np.maximum(weights.max(axis=1, keepdims=True), 1e-30)
        places = np.repeat(np.arange(len(rows)), items.shape[1]).reshape(items.shape)
        present = items > 0
        history = sparse.csr_matrix(
            (weights[present], (places[present], items[present] - 1)),
            shape=(len(rows), len(dataset.vocabulary.items)),
        )
        scores: Floats = (history @ self._similarity).astype(np.float32)
        return scores


def decayed_counts(dataset: Dataset, cutoff_us: int, half_life_days: float | None) -> NDArray[np.float64]:
    """Purchases of each item [items], each halved every `half_life_days` before the cutoff; None counts them all."""
    ages = (cutoff_us - dataset.at_us) / DAY_US
    weights = np.ones(len(dataset)) if half_life_days is None else np.exp2(-ages / half_life_days)
    per_line = np.repeat(weights, np.diff(dataset.purchased.starts))
    counts: NDArray[np.float64] = np.bincount(dataset.purchased.flat, per_line, minlength=len(dataset.vocabulary.items))
    return counts


def _similarity(dataset: Dataset, cutoff_us: int, config: KnnConfig) -> Floats:
    count = len(dataset.vocabulary.items)
    ages = (cutoff_us - dataset.at_us) / DAY_US
    weights = np.repeat(np.exp2(-ages / (2.0 * config.half_life_days)), np.diff(dataset.purchased.starts))
    baskets = sparse.csr_matrix((weights, dataset.purchased.flat, dataset.purchased.starts), (len(dataset), count))
    together = (baskets.T @ baskets).toarray()
    alone = together.diagonal().copy()
    np.fill_diagonal(together, 0.0)
    norm = np.outer(alone ** (1.0 - config.exponent), alone**config.exponent) + config.shrink
    similarity = together / np.maximum(norm, 1e-9)
    if config.neighbours < count:
        least = -np.partition(-similarity, config.neighbours - 1, axis=1)[:, config.neighbours - 1 : config.neighbours]
        similarity[similarity < least] = 0.0
    return similarity.astype(np.float32)
