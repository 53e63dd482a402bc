"""The softmax's cross-entropy over many items, without ever holding all scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.keras import tf

_CHUNK = 1024
# Trends make scores some times as large.
_CHUNK_WITH_TRENDS = 256
_IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class Moments:
    """What the instants of queries add to their scores. weights: [n, features]; trends: [n, c, features] float16, the
    last of an item below 0 where it is not there yet, which then has no chance.
    """

    weights: Any
    trends: Any


def chunked_softmax(
    queries: Any, candidates: Any, shift: Any, labels: Any, moments: Moments | None = None, *, chunk: int | None = None
) -> Any:
    """Mean cross-entropy of softmax(queries x candidates + shift + weights x trends) at the labels.

    queries: [n, dim]; candidates: [c, dim]; shift: [c], a constant; labels: [n] places of candidates.
    Scores exist for `chunk` queries at a time, in the cache: the gradient is taken in the same pass.
    """
    size = chunk or (_CHUNK if moments is None else _CHUNK_WITH_TRENDS)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def mean_loss(queries: Any, candidates: Any, weights: Any) -> tuple[Any, Callable[[Any], tuple[Any, Any, Any]]]:
        count = tf.shape(queries)[0]
        share = 1.0 / tf.cast(tf.maximum(count, 1), tf.float32)

        def one_chunk(place: Any, to_queries: Any, to_candidates: Any, to_weights: Any, total: Any) -> tuple[Any, ...]:
            begin, end = place * size, (place + 1) * size
            part = queries[begin:end]
            scores = tf.matmul(part, candidates, transpose_b=True) + shift
            values = None if moments is None else tf.cast(moments.trends[begin:end], tf.float32)
            if values is not None:
                scores += tf.einsum("nf,ncf->nc", weights[begin:end], values)
                scores = tf.where(values[:, :, -1] < 0.0, _IMPOSSIBLE, scores)
            losses, slopes = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=scores, labels=labels[begin:end])
            slopes *= share
            learnt = tf.zeros_like(weights[begin:end]) if values is None else tf.einsum("nc,ncf->nf", slopes, values)
            return (
                place + 1,
                to_queries.write(place, tf.matmul(slopes, candidates)),
                to_candidates + tf.matmul(slopes, part, transpose_a=True),
                to_weights.write(place, learnt),
                total + tf.reduce_sum(losses),
            )

        chunks = (count + size - 1) // size
        pieces, learnt = (
            tf.TensorArray(tf.float32, size=chunks, infer_shape=False, element_shape=(None, one.shape[1]))
            for one in (queries, weights)
        )
        _, pieces, to_candidates, learnt, total = tf.while_loop(
            lambda place, *_: place < chunks,
            one_chunk,
            (tf.constant(0), pieces, tf.zeros_like(candidates), learnt, tf.constant(0.0)),
            parallel_iterations=1,
        )
        slopes = pieces.concat(), to_candidates, learnt.concat()
        return total * share, lambda upstream: tuple(upstream * slope for slope in slopes)

    weights = tf.zeros_like(queries[:, :0]) if moments is None else moments.weights
    return mean_loss(queries, candidates, weights)
