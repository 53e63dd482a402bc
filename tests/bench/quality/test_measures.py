"""Measures against numbers derived by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from bench.quality.folds import leave_one_out
from bench.quality.measures import activity_slices, item_slices, measure
from tests.bench.quality.small import small
from training.dataset import Ints

NOBODY = np.array([], np.int32)


def lists(*rows: list[int]) -> Ints:
    return np.array(rows, np.int32)


def test_measures_of_three_lists() -> None:
    data = small(timed=False)
    fold = leave_one_out(data, NOBODY, NOBODY).final
    # To be found: 3, 5, 2. Found at place 1, at place 2, not at all.
    measured = measure(data, fold, lists([3, 4], [0, 5], [4, 5]))
    assert measured.recall.tolist() == [1, 1, 0]
    assert measured.ndcg == pytest.approx([1, 1 / log2(3), 0])
    assert measured.mrr.tolist() == [1, 1 / 2, 0]
    # Fit events by item: 0 twice (users 0, 2), 1 three times, 2 three times, 3 once, 4 once, 5 never.
    assert measured.popularity.tolist() == [(1 + 1) / 2, (2 + 0) / 2, (1 + 0) / 2]
    # Of three users item 0 has two, 3 one, 4 one; 5 has none and counts as one.
    assert measured.novelty == pytest.approx([log2(3), (log2(3 / 2) + log2(3)) / 2, log2(3)])
    assert measured.coverage == 4 / 6
    assert measured.means()["recall"] == pytest.approx(2 / 3)
    assert measured.means(np.array([False, True, True]))["recall"] == pytest.approx(1 / 2)


def test_diversity_is_the_distance_of_contents() -> None:
    data = small(timed=False)
    fold = leave_one_out(data, NOBODY, NOBODY).final
    # Contents: item 0 is (1, 0), 1 is (0, 1), the others have none and are at distance 1 of all.
    measured = measure(data, fold, lists([3, 4, 5], [0, 5, 3], [4, 5, 2]))
    assert measured.diversity == pytest.approx([1, 1, 1])
    data.content[:] = 0
    data.content[[3, 4], 0] = 1
    # 3 and 4 are alike, 5 unlike both: of three pairs two are at distance 1.
    assert measure(data, fold, lists([3, 4, 5], [0, 5, 3], [4, 5, 2])).diversity[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lists([3, 3], [0, 5], [4, 5]), "different items"),
        (lists([0, 3], [0, 5], [4, 5]), "no item of the history"),
        (lists([3, 4], [0, 5]), "a list for each of 3 cases"),
    ],
)
def test_lists_that_break_the_rules_are_refused(broken: Ints, complaint: str) -> None:
    data = small(timed=False)
    with pytest.raises(ValueError, match=complaint):
        measure(data, leave_one_out(data, NOBODY, NOBODY).final, broken)


def test_every_case_is_in_one_slice_of_each_kind() -> None:
    for timed in (True, False):
        data = small(timed=timed)
        fold = leave_one_out(data, NOBODY, NOBODY).final
        for slices in (activity_slices(fold), item_slices(data, fold)):
            assert np.sum(list(slices.values()), axis=0).tolist() == [1, 1, 1]
