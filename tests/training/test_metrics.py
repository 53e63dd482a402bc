"""Metrics against numbers derived by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from training.metrics import bootstrap_interval, coverage, diversity, ndcg, recall


def ints(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(values, np.int32)


RANKED = np.array([[4, 1, 7], [2, 5, 9]], np.int32)


def test_recall_is_the_share_of_relevant_items_in_the_list() -> None:
    # First: 4 and 7 of {4, 7, 8, 0} are listed, 2 of 4. Second: nothing of {1} is.
    assert recall(RANKED, [ints(4, 7, 8, 0), ints(1)]).tolist() == [2 / 4, 0.0]


def test_ndcg_discounts_by_place_and_is_one_for_an_ideal_list() -> None:
    # Hits at places 1 and 3: 1 / log2(2) + 1 / log2(4) = 1.5; the ideal has three places filled:
    # 1 / log2(2) + 1 / log2(3) + 1 / log2(4).
    ideal = 1 + 1 / log2(3) + 1 / 2
    came = ndcg(RANKED, [ints(4, 7, 8, 0), ints(2, 5, 9)])
    assert came == pytest.approx([1.5 / ideal, 1.0])


def test_ndcgs_ideal_is_no_longer_than_the_basket() -> None:
    # One relevant item at place 2: (1 / log2(3)) / (1 / log2(2)).
    assert ndcg(RANKED, [ints(1), ints(2)]) == pytest.approx([1 / log2(3), 1.0])


def test_coverage_counts_items_listed_at_all() -> None:
    assert coverage(np.array([[0, 1], [1, 2]], np.int32), 12) == 3 / 12


def test_diversity_is_the_share_of_pairs_across_categories() -> None:
    # Categories a a b: of three pairs two are mixed. Categories a a a: none is.
    categories = ints(0, 0, 1, 0)
    assert diversity(np.array([[0, 1, 2], [0, 1, 3]], np.int32), categories) == pytest.approx((2 / 3 + 0) / 2)


def test_bootstrap_resamples_users_not_moments() -> None:
    # One user has all the ones, another all the zeros: a draw of two users gives 0, 1/2 or 1
    # (moments are as many), so the 95% interval is the whole range however many moments there are.
    values = np.array([1.0] * 500 + [0.0] * 500)
    users = np.array(["a"] * 500 + ["b"] * 500)
    assert bootstrap_interval(values, users, rounds=400, seed=1) == (0.0, 1.0)


def test_bootstrap_of_equal_values_is_a_point() -> None:
    assert bootstrap_interval(np.full(8, 0.25), np.arange(8).astype(str), rounds=50, seed=1) == (0.25, 0.25)
