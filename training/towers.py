"""The two towers and the TFRS model that fits them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, DENSE_WIDTH, ORDER_BUCKETS, Vocabulary
from training.catalogue import PRICE_BUCKETS, ItemContent
from training.config import TowerConfig
from training.initial import Beginning
from training.kept import Header
from training.keras import tf, tfrs
from training.trends import Trends

Floats = NDArray[np.float32]

_EPSILON = 1e-3
_CLIP = 3.0
_INITIAL = 0.05
# Weights of a newly made tower: an action counts half as much when it is about twice as old.
_OLDEST_LOGIT = -3.0


class ItemTower(tf.keras.layers.Layer):  # type: ignore[misc]
    """Vectors and biases of all items, from id, words of the description, price and category.

    A bias follows the item's trend: what sold of late, as of the label's day in training and as of
    the cutoff in the model that answers. Also holds `history`, the vectors that items have inside
    a visitor's history: what was bought says something else than what is offered. Both share the
    content's part.
    """

    def __init__(self, content: ItemContent, beginning: Beginning, trends: Trends, config: TowerConfig) -> None:
        super().__init__(name="item_tower")
        self.beginning = beginning
        self._words = tf.constant(content.words)
        self._word_mask = tf.cast(self._words > 0, tf.float32)[..., None]
        self._categories = tf.constant(content.categories)
        self._prices = tf.constant(content.prices)
        self._id_dropout = config.id_dropout
        self.count = len(content.words)
        history, ids = beginning.history, beginning.offered
        self.ids = self.add_weight(name="ids", shape=ids.shape, initializer=tf.constant_initializer(ids))
        self.history_ids = self.add_weight(
            name="history_ids", shape=history.shape, initializer=tf.constant_initializer(history)
        )
        self.word_table = self._table("words", len(content.vocabulary) + 1, config)
        self.category_table = self._table("categories", len(content.category_names), config)
        self.price_table = self._table("prices", PRICE_BUCKETS, config)
        self.base = self.add_weight(name="base", shape=(self.count,), initializer="zeros")
        self.trend_weights = self.add_weight(
            name="trend_weights",
            shape=(trends.log_counts.shape[1],),
            initializer=tf.constant_initializer(1.0 / trends.log_counts.shape[1]),
        )
        self.trends = trends
        self._trends = tf.constant(trends.log_counts)

    def _table(self, name: str, rows: int, config: TowerConfig) -> Any:
        return self.add_weight(
            name=name,
            shape=(rows, config.dim),
            initializer=tf.keras.initializers.RandomNormal(stddev=_INITIAL, seed=config.seed),
        )

    def bias(self, days: Any) -> Any:
        """[len(days), items] float32: an item's own, and how it sold of late as of each of the trends' days."""
        return self.base + tf.einsum("f,bfi->bi", self.trend_weights, tf.gather(self._trends, days))

    def newest_bias(self) -> Floats:
        """[items] float32, as of the cutoff."""
        newest: Floats = self.bias(tf.shape(self._trends)[:1] - 1).numpy()[0]
        return newest

    def content(self) -> Any:
        """[items, dim] float32: what is known of an item that nobody has touched yet."""
        words = tf.reduce_sum(tf.gather(self.word_table, self._words) * self._word_mask, axis=1)
        words /= tf.reduce_sum(self._word_mask, axis=1) + _EPSILON
        return words + tf.gather(self.category_table, self._categories) + tf.gather(self.price_table, self._prices)

    def call(self, content: Any, *, training: bool = False) -> Any:
        """[items, dim] float32. In training some items lose their id, so that content learns to stand alone."""
        ids = self.ids
        if training and self._id_dropout:
            kept = tf.random.uniform((self.count, 1)) >= self._id_dropout
            ids = ids * tf.cast(kept, tf.float32)
        return ids + content

    def history(self, content: Any) -> Any:
        """[items + 1, dim] float32; row 0 is padding, zero."""
        return tf.pad(self.history_ids + content, [[1, 0], [0, 0]])


class UserTower(tf.keras.layers.Layer):  # type: ignore[misc]
    """A visitor's vector: the weighted mean of the history's vectors, plus what the other features say.

    A line's weight is learned by its age, its place and its action. `serving.tower` is the same in numpy.
    """

    def __init__(self, vocabulary: Vocabulary, mean: Floats, scale: Floats, config: TowerConfig) -> None:
        super().__init__(name="user_tower")
        self.mean, self.scale = tf.constant(mean), tf.constant(scale)
        self._history_dropout = config.history_dropout
        self._vector_dropout = config.vector_dropout
        self._hidden_dropout = config.hidden_dropout
        ages = np.linspace(0.0, _OLDEST_LOGIT, AGE_BUCKETS).astype(np.float32)
        self.age_logits = self.add_weight(
            name="age_logits", shape=(AGE_BUCKETS,), initializer=tf.constant_initializer(ages)
        )
        self.order_logits = self.add_weight(name="order_logits", shape=(ORDER_BUCKETS,), initializer="zeros")
        self.action_logits = self.add_weight(name="action_logits", shape=(ACTION_BUCKETS,), initializer="zeros")
        self.hidden = tf.keras.layers.Dense(config.hidden, "relu", name="hidden", kernel_initializer=_glorot(config))
        self.out = tf.keras.layers.Dense(
            config.dim,
            use_bias=False,
            name="out",
            kernel_initializer=tf.keras.initializers.RandomNormal(stddev=_INITIAL, seed=config.seed),
        )
        self.hidden.build((None, DENSE_WIDTH))
        self.out.build((None, config.hidden))
        self.country = self.add_weight(
            name="country", shape=(len(vocabulary.countries) + 1, config.dim), initializer="zeros"
        )

    def call(self, batch: dict[str, Any], history: Any, *, training: bool = False) -> Any:
        """[batch, dim] float32 from the arrays of `TowerInput` and the history's vectors [items + 1, dim]."""
        present = tf.cast(batch["items"] > 0, tf.float32)
        if training and self._history_dropout:
            kept = tf.random.uniform(tf.shape(present)) >= self._history_dropout
            present *= tf.cast(kept, tf.float32)
        logits = tf.gather(self.age_logits, batch["ages"]) + tf.gather(self.order_logits, batch["orders"])
        logits += tf.gather(self.action_logits, batch["actions"])
        attention = tf.exp(logits) * present
        attention /= tf.reduce_sum(attention, axis=1, keepdims=True) + _EPSILON
        taste = tf.einsum("bh,bhd->bd", attention, tf.gather(history, batch["items"]))
        dense = tf.clip_by_value((batch["dense"] - self.mean) * self.scale, -_CLIP, _CLIP)
        hidden = self.hidden(dense)
        if training and self._hidden_dropout:
            hidden = tf.nn.dropout(hidden, self._hidden_dropout)
        vector = taste + self.out(hidden) + tf.gather(self.country, batch["country"])
        return tf.nn.dropout(vector, self._vector_dropout) if training and self._vector_dropout else vector


def _glorot(config: TowerConfig) -> Any:
    return tf.keras.initializers.GlorotUniform(seed=config.seed)


class BasketRetrieval(tfrs.tasks.Retrieval):  # type: ignore[misc]
    """TFRS's retrieval task where one query has a basket of positives instead of a single one."""

    def call(
        self,
        query_embeddings: Any,
        candidate_embeddings: Any,
        *,
        positives: Any,
        score_mask: Any,
        candidate_bias: Any,
        candidate_sampling_probability: Any,
        sample_weight: Any,
        basket_exponent: float,
    ) -> Any:
        """The softmax's weighted mean cross-entropy over the candidates.

        query_embeddings: [batch, dim]; candidate_embeddings: [candidates, dim]; positives,
        score_mask, candidate_bias: [batch, candidates], the mask false where an item may not be
        recommended; candidate_sampling_probability: [candidates]. The logarithm of the
        sampling probability is taken off the scores (Yi et al. 2019, section 3): 1 for a full
        softmax. A basket of m items weighs m ** (1 - basket_exponent).
        """
        scores = tf.matmul(query_embeddings, candidate_embeddings, transpose_b=True) + candidate_bias
        scores = tfrs.layers.loss.SamplingProbablityCorrection()(scores, candidate_sampling_probability)
        scores = tf.where(score_mask, scores, tf.float32.min / 100.0)
        sizes = tf.reduce_sum(positives, axis=1)
        weights = sample_weight * tf.pow(tf.maximum(sizes, 1.0), 1.0 - basket_exponent)
        labels = positives / tf.maximum(sizes, 1.0)[:, None]
        return self._loss(y_true=labels, y_pred=scores, sample_weight=weights) / tf.reduce_sum(weights)


class TwoTower(tfrs.Model):  # type: ignore[misc]
    """User tower, item tower and the task between them. A batch is what `training.batches` makes."""

    def __init__(self, items: ItemTower, users: UserTower, config: TowerConfig) -> None:
        super().__init__()
        self.items, self.users = items, users
        # What the fit was, once there was one.
        self.header: Header | None = None
        self._config = config
        self._task = BasketRetrieval()

    def named_weights(self) -> dict[str, Any]:
        """Every trainable variable by its name: what a warm start takes over."""
        items, users = self.items, self.users
        return {
            "ids": items.ids,
            "history_ids": items.history_ids,
            "words": items.word_table,
            "categories": items.category_table,
            "prices": items.price_table,
            "base": items.base,
            "trend_weights": items.trend_weights,
            "age_logits": users.age_logits,
            "order_logits": users.order_logits,
            "action_logits": users.action_logits,
            "hidden": users.hidden.kernel,
            "hidden_bias": users.hidden.bias,
            "out": users.out.kernel,
            "country": users.country,
        }

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """The task's loss of one batch, and the tables' weight decay."""
        content = self.items.content()
        vectors = self.users(inputs, self.items.history(content), training=training)
        candidates = inputs["candidates"]
        loss = self._task(
            vectors,
            tf.gather(self.items(content, training=training), candidates),
            positives=tf.cast(inputs["positives"], tf.float32),
            score_mask=inputs["allowed"],
            candidate_bias=tf.gather(self.items.bias(inputs["days"]), candidates, axis=1) + inputs["extra_logits"],
            candidate_sampling_probability=inputs["probability"],
            sample_weight=inputs["weight"],
            basket_exponent=self._config.basket_exponent,
        )
        tables = (self.items.ids, self.items.history_ids, self.items.word_table)
        return loss + self._config.weight_decay * tf.add_n([tf.reduce_sum(tf.square(table)) for table in tables])
