"""The two towers, tied by one table of items, and the TFRS model between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.item_trends import feature_count
from features.sequence_input import GAP_BUCKETS
from training.dataset import Ints
from training.keras import tf, tfrs
from training.sequence.config import SequenceConfig
from training.sequence.layers import UNSEEN, Block, Norm
from training.sequence.softmax import Moments, chunked_softmax

Floats = NDArray[np.float32]

_INITIAL = 0.02


class ItemTower(tf.keras.layers.Layer):  # type: ignore[misc]
    """Vectors of all items, from id and content: what is recommended and what is read in a history alike."""

    def __init__(self, content: Floats, config: SequenceConfig) -> None:
        super().__init__(name="item_tower")
        self._content, self._id_dropout = tf.constant(content), config.id_dropout
        self.ids = _table(self, "ids", len(content) + 1, config, seed=1)
        self.features = _table(self, "features", content.shape[1], config, seed=2) if content.shape[1] else None
        self._length = self.add_weight(name="length", shape=(), initializer="ones") if config.unit_items else None

    def vectors(self, *, training: bool = False) -> Any:
        """[items + 1, dim] float32; row 0 is padding. In training some items lose their id."""
        vectors = tf.convert_to_tensor(self.ids)
        if training and self._id_dropout:
            kept = tf.random.uniform((tf.shape(vectors)[0], 1)) >= self._id_dropout
            vectors = vectors * tf.cast(kept, tf.float32)
        if self.features is not None:
            vectors += self._by_content()
        return self._of_length(vectors)

    def content_vectors(self) -> Any:
        """[items + 1, dim] float32: the place of an item that has no id yet; zeros where nothing is known of items."""
        return tf.zeros_like(self.ids) if self.features is None else self._of_length(self._by_content())

    def _by_content(self) -> Any:
        return tf.pad(tf.matmul(self._content, self.features), [[1, 0], [0, 0]])

    def _of_length(self, vectors: Any) -> Any:
        return vectors if self._length is None else self._length * tf.math.l2_normalize(vectors, axis=-1)


class UserTower(tf.keras.layers.Layer):  # type: ignore[misc]
    """A vector at each place of a sequence, which sees that place and those before it."""

    def __init__(self, action_kinds: int, attributes: Ints, contexts: Ints, config: SequenceConfig) -> None:
        """attributes, contexts: [columns] how many values each column has."""
        super().__init__(name="user_tower")
        self._config = config
        self.begins = config.begins
        self.offsets, self.context_offsets = _offsets(attributes), _offsets(contexts)
        self.places = _table(self, "places", config.length, config, seed=3)
        self.actions = _table(self, "actions", action_kinds + 1, config, seed=4)
        self.gaps = _table(self, "gaps", GAP_BUCKETS, config, seed=5)
        self.attributes = _table(self, "attributes", int(np.sum(attributes)), config, seed=6)
        self.contexts = _table(self, "contexts", int(np.sum(contexts)), config, seed=7)
        self.half_lives_days = tuple(config.trend_half_lives_days)
        features = feature_count(self.half_lives_days)
        self.trends = self.add_weight(name="trends", shape=(config.dim, features), initializer="zeros")
        self.trend_shift = self.add_weight(name="trend_shift", shape=(features,), initializer="zeros")
        self.blocks = [Block(place, config) for place in range(config.blocks)]
        self.norm = Norm(config.dim, "norm")

    def call(self, inputs: dict[str, Any], vectors: Any, *, training: bool = False) -> Any:
        """[batch, length, dim] float32 from the arrays of `SequenceInput` and the items' vectors."""
        config, items = self._config, inputs["items"]
        length = tf.shape(items)[1]
        states = tf.gather(vectors, items) + self.places[config.length - length :]
        states += tf.gather(self.actions, inputs["actions"]) + tf.gather(self.gaps, inputs["gaps"])
        known = tf.gather(self.attributes, inputs["attributes"] + self.offsets)
        states += tf.reduce_sum(known, axis=1)[:, None]
        states += tf.reduce_sum(tf.gather(self.contexts, inputs["contexts"] + self.context_offsets), axis=2)
        states *= config.dim**0.5
        if training and config.input_dropout:
            states = tf.nn.dropout(states, config.input_dropout)
        place = tf.range(length)
        distance = place[:, None] - place[None]
        seen = (distance >= 0)[None] & self._there(items)[:, None]
        unseen = tf.where(seen, 0.0, UNSEEN)[:, None]
        for block in self.blocks:
            states = block(states, unseen, tf.maximum(distance, 0), training=training)
        return self.norm(states)

    def trend_weights(self, states: Any) -> Any:
        """[..., features] float32 of vectors [..., dim]: how much an item's trends count."""
        return tf.matmul(states, self.trends) + self.trend_shift

    def _there(self, items: Any) -> Any:
        """[batch, length] bool: events and, where sequences begin with one, the place before the first."""
        there = items > 0
        if not self.begins:
            return there
        newest = tf.ones_like(there[:, :1])
        return there | tf.concat((there[:, 1:], newest), axis=1)


class SequenceTwoTower(tfrs.Model):  # type: ignore[misc]
    """User tower, item tower, and the softmax at every place of a sequence over all items or a shared sample."""

    def __init__(self, items: ItemTower, users: UserTower, tastes: Floats) -> None:
        """tastes: [items, taste dim], what people of like taste are found by where scores follow trends."""
        super().__init__()
        self.items, self.users, self.tastes = items, users, tastes

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """The mean loss over the places with a target.

        `targets`: [batch, length] place of the next item among `candidates`, -1 where there is none; `askers`:
        [batch, length] the place whose vector is asked for it, so that several make a softmax of several labels;
        `candidates`: [c] codes of items; `probability`: [c] of each to be among them, whose logarithm is
        taken off the scores (Yi et al. 2019, section 3). `trends`: [targets, c, features] float16, what each
        target's instant adds to the scores; without features nothing is added.
        """
        vectors = self.items.vectors(training=training)
        states = self.users(inputs, vectors, training=training)
        asked = tf.where(inputs["targets"] >= 0)
        askers = tf.cast(tf.gather_nd(inputs["askers"], asked), asked.dtype)
        queries = tf.gather_nd(states, tf.stack((asked[:, 0], askers), axis=1))
        return chunked_softmax(
            queries,
            tf.gather(vectors, inputs["candidates"]),
            -tf.math.log(inputs["probability"]),
            tf.gather_nd(inputs["targets"], asked),
            self._moments(inputs, queries),
        )

    def _moments(self, inputs: dict[str, Any], queries: Any) -> Moments | None:
        if not self.users.half_lives_days:
            return None
        return Moments(self.users.trend_weights(queries), inputs["trends"])


def _offsets(counts: Ints) -> Ints:
    offsets: Ints = np.concatenate(([0], np.cumsum(counts)))[: len(counts)].astype(np.int32)
    return offsets


def _table(layer: Any, name: str, rows: int, config: SequenceConfig, *, seed: int) -> Any:
    initializer = tf.keras.initializers.TruncatedNormal(stddev=_INITIAL, seed=config.seed * 100 + 90 + seed)
    return layer.add_weight(name=name, shape=(rows, config.dim), initializer=initializer)
