"""Popularity up to the instant of a case, beside a count by hand."""

from __future__ import annotations

import numpy as np

from bench.quality.folds import global_temporal, leave_one_out
from bench.quality.popular import BY_CONTEXT, SO_FAR, popular, popular_opponents
from tests.bench.quality.small import small


def test_it_counts_what_went_before_the_case_and_forgets() -> None:
    data = small()
    fold = global_temporal(data, test_days=4 / 24, tuning_days=95 / 24).final
    # User 0 at hour 101 has 0, 1 and 2 and finds 3: of the candidates 3 alone is left, whatever is counted.
    assert fold.users.tolist() == [0, 2]
    lists = popular(data, fold, {"half_life_days": 1.0}, k=2)
    assert lists[0, 0] == 3
    # User 2 at hour 103 has 0 and 3. Item 1 was touched at 0 and 10, item 2 at 1, 20 and 100.
    assert lists[1].tolist() == [2, 1]
    # Without the event of hour 100, which is older than ten of these half-lives, nothing is known: order of items.
    assert popular(data, fold, {"half_life_days": 0.1 / 24}, k=2)[1].tolist() == [1, 2]


def test_events_of_the_same_context_come_first() -> None:
    data = small()
    data.attributes[:, 0] = [1, 0, 1]
    fold = global_temporal(data, test_days=4 / 24, tuning_days=95 / 24).final
    # Users 0 and 2 share the context. Before hour 103 user 0 touched 1 at hour 10, 2 at 20; user 1 touched 4 at 100.
    lists = popular(data, fold, {"half_life_days": 1e4, "same": "attribute 0", "others": 0.0}, k=2)
    assert sorted(lists[1].tolist()) == [1, 2]


def test_without_times_the_context_alone_tells() -> None:
    data = small(timed=False)
    data.attributes[:, 0] = [1, 0, 1]
    everyone = np.arange(3, dtype=np.int32)
    folds = leave_one_out(data, everyone, everyone[:0])
    found = popular_opponents(data, folds.tuning, folds.final, k=2)
    assert set(found) == {BY_CONTEXT}
    # User 0 has 0, 1 and 2. Of the fit's rows user 2, alike, has 0, 3 and 1; user 1 has 4.
    settings = {"half_life_days": None, "same": "attribute 0", "others": 0.1}
    assert popular(data, folds.final, settings, k=2)[0].tolist() == [3, 4]


def test_the_best_setting_of_the_tuning_fold_is_chosen() -> None:
    data = small()
    folds = global_temporal(data, test_days=4 / 24, tuning_days=95 / 24)
    found = popular_opponents(data, folds.tuning, folds.final, k=2)
    for name in (SO_FAR, BY_CONTEXT):
        tried = [row["ndcg"] for row in found[name].report["tried"]]
        assert found[name].report["chosen"]["ndcg"] == max(tried)
