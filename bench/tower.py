"""Milliseconds of the user tower at batch 1 on one core, beside TensorFlow's: `python -m bench.tower`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.apart import ONE_THREAD, apart
from bench.record import record
from contracts.settings import Settings, load_settings
from features.sequence_forward import forward_one
from features.sequence_input import GAP_BUCKETS, SequenceInput
from features.tower_forward import TowerWeights, forward
from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, DENSE_WIDTH, HISTORY, ORDER_BUCKETS, TowerInput
from stack.prove import percentile

# The demo's: its catalogue, its history, and the shape that its towers have.
ITEMS, DIM, HIDDEN, COUNTRIES, KINDS = 4_000, 64, 32, 40, ACTION_BUCKETS - 1
VISITORS = 200


def run(settings: Settings, *, calls: int = 5_000) -> dict[str, Any]:
    """p99 over `calls` calls with full histories. Floor: a `tf.function` of the same weights, same visitors."""
    measured = apart(settings, "bench.tower", "--measure", str(calls), variables=ONE_THREAD)
    figure, floor = measured["transformer"]["p99_ms"], measured["tensorflow"]["p99_ms"]
    return {
        "bench": "tower",
        "figure": figure,
        "unit": "ms at batch 1, transformer user tower in numpy, one core, p99",
        "floor": floor,
        "floor_unit": "ms of TensorFlow's compiled function of the same weights, p99",
        "ratio": round(figure / floor, 3),
        "details": {"items": ITEMS, "dim": DIM, "blocks": 2, "history": HISTORY, "calls": calls, **measured},
    }


def measure(calls: int) -> dict[str, Any]:
    """The figures of this process, held to one core."""
    from training.keras import tf
    from training.sequence.config import SequenceConfig
    from training.sequence.export import sequence_weights
    from training.sequence.fit import new_model, user_vectors
    from training.sequence.sequences import Sequences

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    inputs = visitors()
    config = SequenceConfig(dim=DIM, blocks=2, heads=1, inner=2 * DIM, length=HISTORY)
    attributes, contexts = np.full((1, 1), COUNTRIES - 1, np.int32), np.zeros((1, 0), np.int32)
    empty: Any = None
    sequences = Sequences(empty, empty, empty, contexts, attributes, empty)
    model = new_model(sequences, np.zeros((ITEMS, 0), np.float32), KINDS, config)
    weights = sequence_weights(model)
    vectors = model.items.vectors()
    compiled = tf.function(lambda arrays: model.users(arrays, vectors)[:, -1])
    singles = [single(inputs, row) for row in range(VISITORS)]
    tensors = [{name: tf.constant(value) for name, value in vars(one).items()} for one in singles]
    expected = user_vectors(model, inputs)
    came = np.stack([forward_one(weights, one) for one in singles])
    return {
        "transformer": timed(lambda place: forward_one(weights, singles[place]), calls),
        "tensorflow": timed(lambda place: compiled(tensors[place]).numpy(), calls // 5),
        "served_now": timed(_served(), calls),
        "largest_difference": float(np.abs(came - expected).max()),
        "load_average": round(os.getloadavg()[0], 1),
    }


def visitors() -> SequenceInput:
    """Visitors with full histories; the worst case, as no event may be left out."""
    chance = np.random.default_rng(11)
    shape = (VISITORS, HISTORY)
    return SequenceInput(
        items=chance.integers(1, ITEMS + 1, shape).astype(np.int32),
        actions=chance.integers(1, KINDS + 1, shape).astype(np.int32),
        gaps=chance.integers(1, GAP_BUCKETS, shape).astype(np.int32),
        contexts=np.zeros((*shape, 0), np.int32),
        attributes=chance.integers(0, COUNTRIES, (VISITORS, 1)).astype(np.int32),
    )


def single(inputs: SequenceInput, row: int) -> SequenceInput:
    """One visitor of a batch, as a batch of one."""
    return SequenceInput(**{name: value[row : row + 1] for name, value in vars(inputs).items()})


def _served() -> Callable[[int], Any]:
    """The tower that the demo serves now: a weighted mean over the history."""
    chance = np.random.default_rng(12)

    def normal(*shape: int) -> Any:
        return chance.normal(size=shape).astype(np.float32)

    weights = TowerWeights(
        history=normal(ITEMS + 1, DIM),
        age_logits=normal(AGE_BUCKETS),
        order_logits=normal(ORDER_BUCKETS),
        action_logits=normal(ACTION_BUCKETS),
        mean=normal(DENSE_WIDTH),
        scale=normal(DENSE_WIDTH),
        hidden=normal(DENSE_WIDTH, HIDDEN),
        hidden_bias=normal(HIDDEN),
        out=normal(HIDDEN, DIM),
        country=normal(COUNTRIES, DIM),
    )
    batches = [
        TowerInput(
            items=chance.integers(1, ITEMS, (1, HISTORY)).astype(np.int32),
            ages=chance.integers(1, AGE_BUCKETS, (1, HISTORY)).astype(np.int32),
            orders=chance.integers(1, ORDER_BUCKETS, (1, HISTORY)).astype(np.int32),
            actions=chance.integers(1, ACTION_BUCKETS, (1, HISTORY)).astype(np.int32),
            dense=normal(1, DENSE_WIDTH),
            country=chance.integers(0, COUNTRIES, 1).astype(np.int32),
        )
        for _ in range(VISITORS)
    ]
    return lambda place: forward(weights, batches[place])


def timed(call: Callable[[int], Any], calls: int) -> dict[str, float]:
    """Milliseconds of `calls` calls, visitor by visitor, after a round that is not counted."""
    took_ms = []
    for place in range(VISITORS):
        call(place)
    for number in range(calls):
        begin_s = time.perf_counter()
        call(number % VISITORS)
        took_ms.append((time.perf_counter() - begin_s) * 1e3)
    return {"p50_ms": round(percentile(took_ms, 0.5), 4), "p99_ms": round(percentile(took_ms, 0.99), 4)}


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    if "--measure" in sys.argv:
        print(json.dumps(measure(int(sys.argv[-1]))))
        return
    result = run(load_settings())
    record(result, command="clickloop bench tower --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
