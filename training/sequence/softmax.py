"""The softmax's cross-entropy over many items, without ever holding all scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.keras import tf

_CHUNK = 1024


def chunked_softmax(queries: Any, candidates: Any, shift: Any, labels: Any, *, chunk: int = _CHUNK) -> Any:
    """Mean cross-entropy of softmax(queries x candidates + shift) at the labels.

    queries: [n, dim]; candidates: [c, dim]; shift: [c], a constant; labels: [n] places of candidates.
    Scores exist for `chunk` queries at a time, in the cache: the gradient is taken in the same pass.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def mean_loss(queries: Any, candidates: Any) -> tuple[Any, Callable[[Any], tuple[Any, Any]]]:
        count = tf.shape(queries)[0]
        share = 1.0 / tf.cast(count, tf.float32)

        def one_chunk(place: Any, to_queries: Any, to_candidates: Any, total: Any) -> tuple[Any, Any, Any, Any]:
            part = queries[place * chunk : (place + 1) * chunk]
            scores = tf.matmul(part, candidates, transpose_b=True) + shift
            losses, slopes = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(
                features=scores, labels=labels[place * chunk : (place + 1) * chunk]
            )
            slopes *= share
            return (
                place + 1,
                to_queries.write(place, tf.matmul(slopes, candidates)),
                to_candidates + tf.matmul(slopes, part, transpose_a=True),
                total + tf.reduce_sum(losses),
            )

        chunks = (count + chunk - 1) // chunk
        pieces = tf.TensorArray(tf.float32, size=chunks, infer_shape=False, element_shape=(None, queries.shape[1]))
        _, pieces, to_candidates, total = tf.while_loop(
            lambda place, *_: place < chunks,
            one_chunk,
            (tf.constant(0), pieces, tf.zeros_like(candidates), tf.constant(0.0)),
            parallel_iterations=1,
        )
        to_queries = pieces.concat()
        return total * share, lambda upstream: (upstream * to_queries, upstream * to_candidates)

    return mean_loss(queries, candidates)
