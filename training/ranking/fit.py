"""Fits the ranker to lists, and calibrates it on lists that its fit did not see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.ranking_forward import RankerWeights, forward
from training.config import RankingConfig
from training.fit import WarmUpDecay, standardisation
from training.keras import tf
from training.ranking.calibration import platt
from training.ranking.lists import Lists
from training.ranking.network import DeepCross, Ranker

Floats = NDArray[np.float32]

_UNCALIBRATED = np.array([1.0, 0.0], np.float32)


class _Batches(tf.keras.utils.Sequence):  # type: ignore[misc]
    """Shuffled batches of lists, the same for the same seed."""

    def __init__(self, lists: Lists, config: RankingConfig) -> None:
        self._lists, self._config = lists, config
        self._epoch = 0
        self._order = self._shuffled()

    def _shuffled(self) -> NDArray[np.int64]:
        return np.random.default_rng((self._config.seed, self._epoch)).permutation(len(self._lists))

    def __len__(self) -> int:
        return -(-len(self._lists) // self._config.batch)

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._order = self._shuffled()

    def __getitem__(self, place: int) -> dict[str, Any]:
        part = self._lists.take(self._order[place * self._config.batch : (place + 1) * self._config.batch])
        return {"columns": part.columns, "gains": part.gains, "shown": part.shown}


def fit_ranker(lists: Lists, config: RankingConfig) -> RankerWeights:
    """A fitted and calibrated ranker; the same arguments give the same weights on the same machine.

    Learned from the lists of which something was chosen. Calibrated on all of them, each scored by a fit that did
    not see its visitor. Raises ValueError where there are fewer visitors than folds.
    """
    folds = user_folds(lists.users, config.calibration_folds, seed=config.seed)
    logits = np.zeros(lists.gains.shape, np.float64)
    for fold in range(config.calibration_folds):
        weights = _fit(lists.take(np.flatnonzero(folds != fold)), config)
        own = np.flatnonzero(folds == fold)
        logits[own] = logits_of(weights, lists.columns[own])
    slope, intercept = platt(logits[lists.shown], (lists.gains[lists.shown] > 0).astype(np.float64))
    return replace(_fit(lists, config), calibration=np.array([slope, intercept], np.float32))


def user_folds(users: NDArray[np.str_], folds: int, *, seed: int) -> NDArray[np.int64]:
    """A fold for each list, the lists of a user in the same one. Raises ValueError where users are fewer than folds."""
    names, codes = np.unique(users, return_inverse=True)
    if len(names) < folds:
        raise ValueError(f"calibration: expected at least {folds} visitors, came {len(names)}")
    assigned = np.random.default_rng(seed).permutation(len(names)) % folds
    return assigned[codes]


def logits_of(weights: RankerWeights, columns: Floats) -> Floats:
    """Logits [lists, n] of columns [lists, n, f], by the forward pass that serving uses."""
    logits: Floats = forward(weights, columns.reshape(-1, columns.shape[-1])).reshape(columns.shape[:2])
    return logits


def fit_network(lists: Lists, config: RankingConfig) -> DeepCross:
    """The network, fitted to the lists of which something was chosen."""
    lists = lists.take(lists.chosen)
    tf.keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    network = DeepCross(*standardisation(lists.columns[lists.shown].astype(np.float64)), config)
    model = Ranker(network, config)
    batches = _Batches(lists, config)
    schedule = WarmUpDecay(config.learning_rate, len(batches) * config.epochs)
    model.compile(optimizer=tf.keras.optimizers.legacy.Adam(schedule))
    model.fit(batches, epochs=config.epochs, shuffle=False, verbose=0)
    return network


def _fit(lists: Lists, config: RankingConfig) -> RankerWeights:
    return weights_of(fit_network(lists, config))


def weights_of(network: DeepCross) -> RankerWeights:
    """Every weight that an answer needs, not yet calibrated."""
    width = len(network.mean.numpy())
    kernels = [layer.get_weights() for layer in network.crosses]
    hidden, hidden_bias = network.hidden.get_weights()
    return RankerWeights(
        mean=network.mean.numpy(),
        scale=network.scale.numpy(),
        cross=np.array([kernel for kernel, _ in kernels], np.float32).reshape(len(kernels), width, width),
        cross_bias=np.array([bias for _, bias in kernels], np.float32).reshape(len(kernels), width),
        hidden=hidden,
        hidden_bias=hidden_bias,
        out=network.out.numpy(),
        base=network.base.numpy().astype(np.float32).reshape(()),
        calibration=_UNCALIBRATED,
    )
