"""Batches for the two-tower: baskets to complete, some of them as a session that has already begun."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.actions import ACTIONS
from features.instant import DAY_US
from features.tower_input import HISTORY, ORDER_BUCKETS
from training.augment import crop_histories, mask_moments
from training.config import TowerConfig
from training.dataset import Dataset, Longs
from training.keras import tf
from training.refusals import extra_logits
from training.stored import release
from training.trends import Trends

Array = NDArray[Any]
Batch = dict[str, Array]

_BROWSING = np.array([code for code, kind in enumerate(ACTIONS, start=1) if kind.value != "purchase"], np.int32)
# An hour at most: the youngest buckets of `features.tower_input.age_bucket`.
_SESSION_AGES = np.array([1, 1, 2, 3], np.int32)
_MIN_SESSION_BASKET = 4


def label_weights(at_us: NDArray[np.int64], cutoff_us: int, config: TowerConfig) -> NDArray[np.float32]:
    """[moments], halved for each `config.label_half_life_days` that a label lies before the cutoff."""
    weights: NDArray[np.float32] = np.exp2(-(cutoff_us - at_us) / DAY_US / config.label_half_life_days).astype(
        np.float32
    )
    return weights


class Batches(tf.keras.utils.Sequence):  # type: ignore[misc]
    """Shuffled batches of a dataset's `chosen` rows, the same for the same seed, in memory or stored.

    A batch holds TowerInput's arrays, `candidates` [c] (places of items), `probability` [c] of
    each to be among them, `positives` and `allowed` [batch, c] bool, `extra_logits` [batch, c] float32
    for what was turned down, `weight` and `days` [batch].

    A share of the baskets is shown as a session in progress: a few of its items come first in
    the history, as if touched within the hour, and the rest is to be found. So the towers learn
    what the next click says, from purchases, where clicks are scarce.
    """

    def __init__(
        self,
        dataset: Dataset,
        chosen: Longs,
        weights: NDArray[np.float32],
        trends: Trends,
        config: TowerConfig,
    ) -> None:
        """`weights` [chosen]. Raises ValueError where the trends lack a row's day."""
        self._dataset, self._chosen, self._weights, self._config = dataset, chosen, weights, config
        self._items = len(dataset.vocabulary.items)
        self._days = trends.places(dataset.at_us[chosen])
        counts = np.bincount(dataset.basket.take(chosen).flat, minlength=self._items)
        self._shares = counts / counts.sum()
        self._epoch = 0
        self._order = self._shuffled()

    def _shuffled(self) -> Array:
        return np.random.default_rng((self._config.seed, self._epoch)).permutation(len(self._chosen))

    def __len__(self) -> int:
        return -(-len(self._chosen) // self._config.batch)

    def on_epoch_end(self) -> None:
        """Another order and other sessions for the next epoch."""
        self._epoch += 1
        self._order = self._shuffled()

    def __getitem__(self, place: int) -> Batch:
        drawn = self._order[place * self._config.batch : (place + 1) * self._config.batch]
        rows = self._chosen[drawn]
        random = np.random.default_rng((self._config.seed, self._epoch, place))
        batch: Batch = dict(vars(self._dataset.inputs.take(rows)))
        baskets = [self._begin_session(batch, at, int(row), random) for at, row in enumerate(rows)]
        crop_histories(batch, self._config.crop_share, random)
        mask_moments(batch, self._config.mask_share, random)
        candidates, probability = self._candidates(baskets, random)
        places = np.full(self._items, -1)
        places[candidates] = np.arange(len(candidates))
        positives = np.zeros((len(rows), len(candidates)), np.bool_)
        allowed = np.ones((len(rows), len(candidates)), np.bool_)
        for at, (row, (touched, remaining)) in enumerate(zip(rows, baskets, strict=True)):
            positives[at, places[remaining]] = True
            closed = places[np.concatenate((self._dataset.bought[int(row)], touched))]
            allowed[at, closed[closed >= 0]] = False
        batch["extra_logits"] = self._extra_logits(rows, positives, places)
        batch |= {"candidates": candidates, "probability": probability, "positives": positives, "allowed": allowed}
        batch |= {"weight": self._weights[drawn], "days": self._days[drawn]}
        release(self._dataset)
        return batch

    def _begin_session(self, batch: Batch, at: int, row: int, random: np.random.Generator) -> tuple[Array, Array]:
        """Put a few items of the basket in front of the history; returns them and the rest."""
        basket = self._dataset.basket[row]
        if len(basket) < _MIN_SESSION_BASKET or random.random() >= self._config.session_share:
            return basket[:0], basket
        touched = int(random.integers(1, min(self._config.session_items, len(basket) // 2) + 1))
        mixed = random.permutation(basket)
        front = {
            "items": mixed[:touched] + 1,
            "ages": np.sort(random.choice(_SESSION_AGES, touched)),
            "orders": np.minimum(np.arange(1, touched + 1), ORDER_BUCKETS - 1),
            "actions": random.choice(_BROWSING, touched),
        }
        later = batch["orders"][at]
        batch["orders"][at] = np.where(later > 0, np.minimum(later + touched, ORDER_BUCKETS - 1), 0)
        for name, values in front.items():
            batch[name][at] = np.concatenate((values, batch[name][at]))[:HISTORY]
        return mixed[:touched], mixed[touched:]

    def _extra_logits(self, rows: Array, positives: Array, places: Array) -> Array:
        """[batch, c] float32, above 0 for what a row's visitor turned down; [batch, 1] where nobody looked."""
        if self._dataset.refused is None:
            return np.zeros((len(rows), 1), np.float32)
        refused = np.zeros(positives.shape, np.bool_)
        for at, row in enumerate(rows):
            found = places[self._dataset.refused[int(row)]]
            refused[at, found[found >= 0]] = True
        return extra_logits(refused, positives, self._config.refused_weight)

    def _candidates(self, baskets: list[tuple[Array, Array]], random: np.random.Generator) -> tuple[Array, Array]:
        """All items, or the batch's positives and a uniform sample beside them, with the odds of being there."""
        if self._items <= self._config.softmax_items:
            return np.arange(self._items, dtype=np.int32), np.ones(self._items, np.float32)
        positives = np.unique(np.concatenate([remaining for _, remaining in baskets]))
        drawn = random.choice(self._items, self._config.softmax_items, replace=False)
        candidates = np.union1d(positives, drawn).astype(np.int32)
        uniform = self._config.softmax_items / self._items
        lines = sum(len(remaining) for _, remaining in baskets)
        absent = (1.0 - uniform) * (1.0 - self._shares[candidates]) ** lines
        return candidates, (1.0 - absent).astype(np.float32)
