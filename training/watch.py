"""Watches a fit by moments kept out of it: learning curves, early stopping, the best weights back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.instant import DAY_US
from features.tower_forward import Floats, forward
from training.config import StoppingConfig
from training.dataset import Dataset, Longs
from training.export import tower_arrays
from training.metrics import ndcg
from training.split import user_groups
from training.towers import TwoTower

# More would cost a fit more than they would tell it.
_MOMENTS = 1024
_CLOSED = np.float32(-1e9)
_SHARES = 1000


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data came to; the validation's figures without dropout and without sessions."""

    number: int
    loss: float
    validation_loss: float
    validation_ndcg: float


def watched_rows(dataset: Dataset, cutoff_us: int, config: StoppingConfig) -> Longs:
    """Moments to keep out of a fit: the newest `config.days` before `cutoff_us`, of a share of the visitors."""
    late = dataset.at_us >= cutoff_us - config.days * DAY_US
    chosen = user_groups(dataset.users, _SHARES) < round(config.share * _SHARES)
    rows: Longs = np.flatnonzero(late & chosen & (dataset.basket.lengths > 0))
    return rows[-_MOMENTS:]


class Watch:
    """Measures a model after each epoch on `dataset` at `rows`; stops it after `patience` epochs without a gain.

    A gain is a lower loss: the NDCG of the first `k` items jumps too much on so few moments. Each moment is
    scored with the trends of its own day, which count earlier days alone, against all that its visitor had not bought.
    """

    def __init__(self, dataset: Dataset, rows: Longs, config: StoppingConfig, *, k: int, exponent: float) -> None:
        self.rows = rows
        self.curve: list[Epoch] = []
        self._kept = dataset.take(rows)
        self.stopping, self._k = config, k
        self._baskets = [self._kept.basket[row] for row in range(len(rows))]
        sizes = np.maximum(self._kept.basket.lengths, 1).astype(np.float64)
        self._weights = sizes ** (1.0 - exponent) / np.sum(sizes ** (1.0 - exponent))
        self._best: list[NDArray[Any]] = []

    @property
    def best(self) -> int:
        """The number of the epoch with the lowest loss, the first of equals; 0 before any."""
        return min(self.curve, key=lambda epoch: epoch.validation_loss).number if self.curve else 0

    def after(self, model: TwoTower, number: int, loss: float) -> bool:
        """Measure the model after its epoch `number`, from 1. True where it is time to stop."""
        validation_loss, gain = self.measure(model)
        self.curve.append(Epoch(number, loss, validation_loss, gain))
        if self.best == number:
            self._best = model.get_weights()
        return number - self.best >= self.stopping.patience

    def restore(self, model: TwoTower) -> None:
        """The weights of the best epoch."""
        if self._best:
            model.set_weights(self._best)

    def measure(self, model: TwoTower) -> tuple[float, float]:
        """Cross-entropy of the baskets, weighted as in the fit, and mean NDCG."""
        scores = self._scores(model)
        for row in range(len(scores)):
            scores[row, self._kept.bought[row]] = _CLOSED
        highest = scores.max(axis=1, keepdims=True)
        logs = scores - highest - np.log(np.exp(scores - highest).sum(axis=1, keepdims=True))
        losses = np.array([-logs[row, basket].mean() for row, basket in enumerate(self._baskets)])
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self._k].astype(np.int32)
        return float(losses @ self._weights), float(ndcg(best, self._baskets).mean())

    def _scores(self, model: TwoTower) -> Floats:
        arrays = tower_arrays(model)
        days = model.items.trends.places(self._kept.at_us)
        scores: Floats = forward(arrays.user, self._kept.inputs) @ arrays.vectors.T + model.items.bias(days).numpy()
        return scores
