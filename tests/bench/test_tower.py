"""The tower's benchmark: what it times is the trained tower, to the fifth place."""

from __future__ import annotations

import numpy as np

from bench.tower import VISITORS, single, timed, visitors


def test_visitors_have_full_histories_one_at_a_time() -> None:
    inputs = visitors()
    assert (inputs.items > 0).all()
    assert inputs.items.shape == (VISITORS, 100)
    np.testing.assert_array_equal(single(inputs, 7).items[0], inputs.items[7])


def test_times_each_call_after_a_round_that_is_not_counted() -> None:
    seen: list[int] = []
    took = timed(seen.append, 10)
    assert seen == [*range(VISITORS), *range(10)]
    assert 0 <= took["p50_ms"] <= took["p99_ms"]
