"""Fits the sequence model: warm-up and cosine, averaged weights, a curve, and checkpoints to go on from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.sequence_input import SequenceInput
from training.keras import tf
from training.sequence.config import SequenceConfig
from training.sequence.model import ItemTower, SequenceTwoTower, UserTower
from training.sequence.sequences import Batch, Batches, Sequences

Floats = NDArray[np.float32]
# What a data set has no use for, such as trends, gets no slope.
_UNUSED = tf.UnconnectedGradients.ZERO
# Hears of each epoch's number and figures, and may add figures of its own by the model as averaged.
Watch = Callable[[int, "Fitting"], dict[str, float]]

_INPUTS = ("items", "actions", "gaps", "contexts", "attributes")
_CODES = tf.TensorSpec((None, None), tf.int32)
_STEP_SIGNATURE = [
    dict.fromkeys((*_INPUTS, "targets", "askers"), _CODES)
    | {"contexts": tf.TensorSpec((None, None, None), tf.int32)}
    | {"trends": tf.TensorSpec((None, None, None), tf.float16)}
    | {"candidates": tf.TensorSpec((None,), tf.int32), "probability": tf.TensorSpec((None,), tf.float32)}
]


@dataclass
class Fitting:
    """A model being fitted. `curve`: one row of figures an epoch; `epoch`: how many are done."""

    model: SequenceTwoTower
    config: SequenceConfig
    steps_an_epoch: int
    epoch: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rate = tf.Variable(0.0, trainable=False)
        self.optimizer = tf.keras.optimizers.legacy.Adam(
            self.rate, beta_2=self.config.second_decay, epsilon=1e-9, clipnorm=None
        )
        self.averages = [tf.Variable(weight, trainable=False) for weight in self.model.trainable_variables]
        self._step = tf.function(self._one_step, input_signature=_STEP_SIGNATURE)

    def run_epoch(self, batches: Iterator[Batch], random: np.random.Generator, items: int) -> float:
        """One pass; returns the mean loss of its steps."""
        losses = []
        for number, batch in enumerate(batches):
            self.rate.assign(learning_rate(self.epoch * self.steps_an_epoch + number, self))
            losses.append(float(self._step(as_tensors(batch, self.config, random, items))))
        self.epoch += 1
        return float(np.mean(losses))

    def _one_step(self, inputs: dict[str, Any]) -> Any:
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.model.compute_loss(inputs, training=True)
        slopes = [tf.convert_to_tensor(slope) for slope in tape.gradient(loss, weights, unconnected_gradients=_UNUSED)]
        slopes, _ = tf.clip_by_global_norm(slopes, self.config.clip_norm)
        self.optimizer.apply_gradients(zip(slopes, weights, strict=True))
        steps = tf.cast(self.optimizer.iterations, tf.float32)
        kept = tf.minimum(self.config.average, (1.0 + steps) / (10.0 + steps))
        for average, weight in zip(self.averages, weights, strict=True):
            average.assign(kept * average + (1.0 - kept) * weight)
        return loss

    def swap(self) -> None:
        """Exchange weights and averages: before measuring, and after it to go on."""
        for average, weight in zip(self.averages, self.model.trainable_variables, strict=True):
            present = weight.numpy()
            weight.assign(average)
            average.assign(present)


def learning_rate(step: int, fitting: Fitting) -> float:
    """Up in a straight line over the warm-up, down a cosine to `last_rate` of the peak."""
    config = fitting.config
    done = min(1.0, step / (config.epochs * fitting.steps_an_epoch))
    down = config.last_rate + (1.0 - config.last_rate) * 0.5 * (1.0 + cos(pi * done))
    return config.learning_rate * min(1.0, (step + 1) / config.warm_up_steps) * down


def as_tensors(batch: Batch, config: SequenceConfig, random: np.random.Generator, items: int) -> dict[str, Any]:
    """What the model's loss takes: all items as candidates, or the batch's targets and a uniform sample beside them."""
    arrays = {name: getattr(batch.inputs, name) for name in _INPUTS} | {"askers": batch.askers}
    if items <= config.softmax_items:
        candidates = np.arange(1, items + 1, dtype=np.int32)
        probability = np.ones(items, np.float32)
        arrays |= {"targets": batch.targets - 1, "trends": batch.trends}
        return arrays | {"candidates": candidates, "probability": probability}
    wanted = batch.targets[batch.targets > 0]
    drawn = random.choice(items, config.softmax_items, replace=False) + 1
    candidates = np.union1d(wanted, drawn).astype(np.int32)
    shares = np.bincount(wanted, minlength=items + 1)[candidates] / len(wanted)
    uniform = config.softmax_items / items
    probability = (1.0 - (1.0 - uniform) * (1.0 - shares) ** len(wanted)).astype(np.float32)
    targets = np.where(batch.targets > 0, np.searchsorted(candidates, batch.targets), -1).astype(np.int32)
    trends = batch.trends[:, candidates - 1] if batch.trends.shape[2] else batch.trends
    arrays |= {"targets": targets, "trends": trends}
    return arrays | {"candidates": candidates, "probability": probability}


def new_model(sequences: Sequences, content: Floats, action_kinds: int, config: SequenceConfig) -> SequenceTwoTower:
    """A model not yet fitted, built: its weights exist. content: [items, features]."""
    tf.keras.utils.set_random_seed(config.seed)
    attributes, contexts = (
        codes.max(axis=0).astype(np.int32) + 1 for codes in (sequences.attributes, sequences.contexts)
    )
    users = UserTower(action_kinds, attributes, contexts, config)
    tastes = np.zeros((0, 0), np.float32) if sequences.trends is None else sequences.trends.tastes
    return SequenceTwoTower(ItemTower(content, config), users, tastes)


def fit_sequences(
    sequences: Sequences,
    content: Floats,
    action_kinds: int,
    config: SequenceConfig,
    watch: Watch,
    checkpoint: Path | None = None,
) -> Fitting:
    """The fitted model, its weights averaged. An interrupted fit goes on from its `checkpoint`."""
    model = new_model(sequences, content, action_kinds, config)
    batches = Batches(sequences, config)
    fitting = Fitting(model, config, batches.steps())
    kept = tf.train.Checkpoint(model=model, optimizer=fitting.optimizer, averages=fitting.averages)
    if checkpoint is not None and checkpoint.with_suffix(".index").exists():
        _resume(fitting, kept, checkpoint)
    while fitting.epoch < config.epochs:
        begin_s, cpu_s = time.perf_counter(), time.process_time()
        random = np.random.default_rng((config.seed, fitting.epoch, 1))
        loss = fitting.run_epoch(batches.epoch(fitting.epoch), random, len(content))
        row = {"epoch": fitting.epoch, "loss": loss, "seconds": time.perf_counter() - begin_s}
        row["cpu_s"] = time.process_time() - cpu_s
        fitting.swap()
        row |= watch(fitting.epoch, fitting)
        fitting.swap()
        fitting.curve.append(row)
        if checkpoint is not None:
            kept.write(str(checkpoint))
            _curve_of(checkpoint).write_text(json.dumps(fitting.curve))
    fitting.swap()
    return fitting


def _resume(fitting: Fitting, kept: Any, checkpoint: Path) -> None:
    """Raises ValueError where the checkpoint is of a model of another shape."""
    fitting.curve = json.loads(_curve_of(checkpoint).read_text())
    fitting.epoch = len(fitting.curve)
    kept.read(str(checkpoint)).expect_partial().assert_existing_objects_matched()


def _curve_of(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(".curve.json")


def user_vectors(model: SequenceTwoTower, inputs: SequenceInput) -> Floats:
    """The vectors [batch, dim + features] at the newest place of each sequence."""
    arrays = {name: tf.constant(getattr(inputs, name)) for name in _INPUTS}
    vectors = model.users(arrays, model.items.vectors())[:, -1]
    joined: Floats = tf.concat((vectors, model.users.trend_weights(vectors)), axis=1).numpy()
    return joined
