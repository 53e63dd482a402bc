"""The layers of the sequence model: what an event is read as, and the blocks that read a sequence."""

from __future__ import annotations

from typing import Any

from training.keras import tf
from training.sequence.config import SequenceConfig

EPSILON = 1e-6
# Added where one place may not see another.
UNSEEN = -1e9


class Norm(tf.keras.layers.Layer):  # type: ignore[misc]
    """Layer normalisation over the last axis (Ba et al. 2016)."""

    def __init__(self, dim: int, name: str) -> None:
        super().__init__(name=name)
        self.gain = self.add_weight(name="gain", shape=(dim,), initializer="ones")
        self.shift = self.add_weight(name="shift", shape=(dim,), initializer="zeros")

    def call(self, values: Any) -> Any:
        """Same shape as `values`."""
        centred = values - tf.reduce_mean(values, -1, keepdims=True)
        deviation = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + EPSILON)
        return centred * deviation * self.gain + self.shift


class Block(tf.keras.layers.Layer):  # type: ignore[misc]
    """Causal attention, gated, with a learned bias by distance, then a gated inner layer; normalised first.

    The gates are those of HSTU (Zhai et al. 2024) and of GLU variants (Shazeer 2020).
    """

    def __init__(self, place: int, config: SequenceConfig) -> None:
        super().__init__(name=f"block_{place}")
        self._config = config
        dim, inner, seed = config.dim, config.inner, config.seed * 100 + place * 10
        self.attention_norm, self.inner_norm = Norm(dim, "attention_norm"), Norm(dim, "inner_norm")
        shrink = (2.0 * config.blocks) ** -0.5
        self.mixed = _matrix(self, "mixed", (dim, 4 * dim), (1.0 / dim) ** 0.5, seed)
        self.joined = _matrix(self, "joined", (dim, dim), shrink * (1.0 / dim) ** 0.5, seed + 1)
        self.distances = self.add_weight(name="distances", shape=(config.heads, config.length), initializer="zeros")
        spread = (2.0 / (dim + inner)) ** 0.5
        self.opened = _matrix(self, "opened", (dim, 2 * inner), spread, seed + 2)
        self.opened_shift = self.add_weight(name="opened_shift", shape=(2 * inner,), initializer="zeros")
        self.closed = _matrix(self, "closed", (inner, dim), shrink * spread, seed + 3)
        self.closed_shift = self.add_weight(name="closed_shift", shape=(dim,), initializer="zeros")

    def call(self, states: Any, unseen: Any, distance: Any, *, training: bool = False) -> Any:
        """[batch, length, dim] from the same; unseen: [batch, 1, length, length]; distance: [length, length]."""
        states += self._dropped(self._attend(states, unseen, distance, training=training), training=training)
        opened = tf.matmul(self.inner_norm(states), self.opened) + self.opened_shift
        gate, value = tf.split(opened, 2, axis=-1)
        inner = self._dropped(tf.nn.silu(gate) * value, training=training)
        return states + self._dropped(tf.matmul(inner, self.closed) + self.closed_shift, training=training)

    def _attend(self, states: Any, unseen: Any, distance: Any, *, training: bool) -> Any:
        config = self._config
        batch, length = tf.shape(states)[0], tf.shape(states)[1]
        width = config.dim // config.heads
        mixed = tf.matmul(self.attention_norm(states), self.mixed)
        gate = tf.nn.silu(mixed[..., 3 * config.dim :])
        parts = tf.reshape(mixed[..., : 3 * config.dim], (batch, length, 3, config.heads, width))
        query, key, value = tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))
        logits = tf.matmul(query * width**-0.5, key, transpose_b=True)
        logits += tf.gather(self.distances, distance, axis=1)[None] + unseen
        weights = tf.nn.softmax(logits)
        if training and config.attention_dropout:
            weights = tf.nn.dropout(weights, config.attention_dropout)
        read = tf.reshape(tf.transpose(tf.matmul(weights, value), (0, 2, 1, 3)), (batch, length, config.dim))
        return tf.matmul(read * gate, self.joined)

    def _dropped(self, values: Any, *, training: bool) -> Any:
        return tf.nn.dropout(values, self._config.dropout) if training and self._config.dropout else values


def _matrix(layer: Any, name: str, shape: tuple[int, int], spread: float, seed: int) -> Any:
    return layer.add_weight(
        name=name, shape=shape, initializer=tf.keras.initializers.TruncatedNormal(stddev=spread, seed=seed)
    )
