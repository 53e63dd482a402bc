"""Items nobody had touched before: who is asked for them, and what popularity knows of them by then."""

from __future__ import annotations

import numpy as np

from bench.quality.cold import cold_fold, popular_so_far
from bench.quality.folds import global_temporal, leave_one_out
from tests.bench.quality.small import small


def test_cold_items_are_asked_for_among_themselves() -> None:
    # After hour 99 user 1 touches 4 (hour 100) and 5 (hour 102), which nobody had.
    data = small()
    cold = cold_fold(data, global_temporal(data, test_days=4 / 24, tuning_days=95 / 24).final, at_least=1)
    assert cold is not None
    assert np.flatnonzero(cold.candidates).tolist() == [4, 5]
    assert cold.users.tolist() == [1, 1]
    assert [cold.relevant[case].tolist() for case in range(2)] == [[4], [5]]


def test_popularity_so_far_counts_what_came_before_the_instant() -> None:
    data = small()
    # Let user 0 touch item 5 at hour 101: by hour 102, when user 1 does, one has.
    data.items[3] = 5
    cold = cold_fold(data, global_temporal(data, test_days=4 / 24, tuning_days=95 / 24).final, at_least=1)
    assert cold is not None
    assert cold.users.tolist() == [0, 1, 1]
    lists = popular_so_far(data, cold, k=2)
    # User 0 at hour 101: 4 was touched at 100. User 1 at hour 100: nothing was, equal scores by place.
    assert lists[:2].tolist() == [[4, 5], [4, 5]]
    # User 1 at hour 102 has the 4; the 5 is left, and what is not allowed follows.
    assert lists[2, 0] == 5


def test_who_has_nearly_all_cold_items_is_not_asked() -> None:
    # At hour 102 user 1 has item 4 and could be told of 5 alone.
    data = small()
    cold = cold_fold(data, global_temporal(data, test_days=4 / 24, tuning_days=95 / 24).final, at_least=2)
    assert cold is not None
    assert [cold.relevant[case].tolist() for case in range(len(cold))] == [[4]]


def test_without_times_nothing_is_cold() -> None:
    data = small(timed=False)
    nobody = np.array([], np.int32)
    assert cold_fold(data, leave_one_out(data, nobody, nobody).final, at_least=0) is None


def test_few_cold_items_are_no_contest() -> None:
    data = small()
    assert cold_fold(data, global_temporal(data, test_days=4 / 24, tuning_days=95 / 24).final, at_least=3) is None
