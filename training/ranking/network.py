"""The deep-and-cross network and its loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.ranking_input import COLUMNS, SHARE
from training.config import RankingConfig
from training.keras import tf, tfrs

Floats = NDArray[np.float32]

CLIP = 4.0
_SMALL = 0.01
_NEVER = -1e9


class DeepCross(tf.keras.layers.Layer):  # type: ignore[misc]
    """A logit for each candidate: crosses of the columns beside a hidden layer (Wang et al. 2021, figure 1b).

    It begins as retrieval's own order, which is added to it. `features.ranking_forward` is the same in numpy.
    """

    def __init__(self, mean: Floats, scale: Floats, config: RankingConfig) -> None:
        super().__init__(name="deep_cross")
        self.mean, self.scale = tf.constant(mean), tf.constant(scale)
        self.crosses = [
            tfrs.layers.dcn.Cross(kernel_initializer=_normal(config.seed + number))
            for number in range(config.cross_layers)
        ]
        self.hidden = tf.keras.layers.Dense(
            config.hidden, "relu", kernel_initializer=tf.keras.initializers.GlorotUniform(seed=config.seed)
        )
        self.out = self.add_weight(
            name="out", shape=(len(COLUMNS) + config.hidden,), initializer=_normal(config.seed - 1)
        )
        self.base = self.add_weight(name="base", shape=(), initializer="ones")

    def call(self, columns: Any) -> Any:
        """[..., n] float32 of columns [..., n, f]."""
        inputs = tf.clip_by_value((columns - self.mean) * self.scale, -CLIP, CLIP)
        crossed = inputs
        for layer in self.crosses:
            crossed = layer(inputs, crossed)
        parts = tf.concat((crossed, self.hidden(inputs)), axis=-1)
        return tf.linalg.matvec(parts, self.out) + self.base * columns[..., SHARE]


def _normal(seed: int) -> Any:
    return tf.keras.initializers.RandomNormal(stddev=_SMALL, seed=seed)


class Ranker(tfrs.Model):  # type: ignore[misc]
    """The network and its loss. A batch holds `columns` [b, n, f], `gains` and `shown` [b, n]."""

    def __init__(self, network: DeepCross, config: RankingConfig) -> None:
        super().__init__()
        self.network = network
        self._config = config

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """The lists' weighted mean softmax cross-entropy, and weight decay."""
        logits = self.network(inputs["columns"])
        loss = softmax_loss(logits, inputs["gains"], inputs["shown"], exponent=self._config.basket_exponent)
        matrices = [weight for weight in self.network.trainable_variables if len(weight.shape) == 2]
        return loss + self._config.weight_decay * tf.add_n([tf.reduce_sum(tf.square(one)) for one in matrices])


def softmax_loss(logits: Any, gains: Any, shown: Any, *, exponent: float) -> Any:
    """Softmax cross-entropy over each list's shown candidates, every choice by its gain (Bruch et al. 2019).

    logits, gains, shown: [b, n]. Gains that are inverse propensities make it an unbiased listwise loss (Ai et
    al. 2018). A list of gains g weighs g ** (1 - exponent), one without any nothing.
    """
    totals = tf.reduce_sum(gains, axis=1)
    some = totals > 0.0
    totals = tf.where(some, totals, 1.0)
    weights = tf.where(some, tf.pow(totals, 1.0 - exponent), 0.0)
    masked = tf.where(shown, logits, _NEVER)
    losses = tf.nn.softmax_cross_entropy_with_logits(gains / totals[:, None], masked)
    return tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)
