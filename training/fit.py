"""Fits the two-tower to a dataset."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.batches import Batches, label_weights
from training.catalogue import ItemContent
from training.config import TowerConfig
from training.dataset import Dataset
from training.initial import co_purchase_vectors
from training.kept import FULL, Start, header_of
from training.keras import tf
from training.towers import ItemTower, TwoTower, UserTower
from training.trends import daily_trends
from training.watch import Watch

Floats = NDArray[np.float32]
Progress = Callable[[int, float], None]

_MIN_DEVIATION = 1e-3
_WARM_UP_STEPS = 10
_LAST_RATE = 0.05


class WarmUpDecay(tf.keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Up for a few steps, then down in a straight line."""

    def __init__(self, peak: float, steps: int) -> None:
        self._peak, self._steps = peak, float(steps)

    def __call__(self, step: Any) -> Any:
        now = tf.cast(step, tf.float32)
        up = tf.minimum(1.0, (now + 1.0) / _WARM_UP_STEPS)
        return self._peak * up * tf.maximum(_LAST_RATE, 1.0 - now / self._steps)


class _Report(tf.keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, progress: Progress, watch: Watch | None) -> None:
        super().__init__()
        self._progress, self._watch = progress, watch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = float((logs or {})["loss"])
        self._progress(epoch + 1, loss)
        if self._watch is not None and self._watch.after(self.model, epoch + 1, loss):
            self.model.stop_training = True


def fit_towers(
    dataset: Dataset,
    content: ItemContent,
    cutoff_us: int,
    config: TowerConfig,
    progress: Progress,
    watch: Watch | None = None,
) -> TwoTower:
    """A fitted model. `dataset` ends before `cutoff_us`; `progress` hears of each epoch and its loss.

    What `watch` watches by is in no batch and in no co-purchase, and counts in the trends of later days alone.
    The same arguments give the same weights on the same machine.
    """
    begin_s = time.monotonic()
    seen = np.ones(len(dataset), np.bool_)
    if watch is not None:
        seen[watch.rows] = False
    known = dataset if watch is None else dataset.take(np.flatnonzero(seen))
    chosen = np.flatnonzero(seen & (dataset.basket.lengths > 0))
    tf.keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    trends = daily_trends(dataset, cutoff_us, config.trend_half_lives_days)
    mean, scale = standardisation(dataset.inputs.dense[chosen])
    model = TwoTower(
        ItemTower(content, co_purchase_vectors(known, cutoff_us, config), trends, config),
        UserTower(dataset.vocabulary, mean, scale, config),
        config,
    )
    batches = Batches(dataset, chosen, label_weights(dataset.at_us[chosen], cutoff_us, config), trends, config)
    run_epochs(model, batches, config, progress, watch)
    start = Start(kind=FULL, seconds=round(time.monotonic() - begin_s, 2))
    model.header = header_of(dataset.vocabulary, content, cutoff_us, config, start)
    return model


def run_epochs(
    model: TwoTower, batches: Batches, config: TowerConfig, progress: Progress, watch: Watch | None = None
) -> None:
    """Fit `model` to the batches, `config.epochs` times over, or until `watch` stops it; its best weights stay."""
    schedule = WarmUpDecay(config.learning_rate, len(batches) * config.epochs)
    model.compile(optimizer=tf.keras.optimizers.legacy.Adam(schedule))
    model.fit(batches, epochs=config.epochs, shuffle=False, verbose=0, callbacks=[_Report(progress, watch)])
    if watch is not None:
        watch.restore(model)


def standardisation(dense: Floats) -> tuple[Floats, Floats]:
    """Mean and inverse deviation [dense_width]; 0 for what never changes, so that it stays unheard when it does."""
    deviation = dense.std(axis=0)
    scale = np.where(deviation > _MIN_DEVIATION, 1.0 / np.maximum(deviation, _MIN_DEVIATION), 0.0)
    return dense.mean(axis=0).astype(np.float32), scale.astype(np.float32)
