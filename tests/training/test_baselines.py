"""Popularity, item-kNN, the split and the ranking, on baskets small enough to count by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any

import numpy as np
import pytest

from features.evaluate import evaluate
from features.instant import DAY_US, to_us
from features.state import new_state
from features.tower_input import Vocabulary
from training.baselines import Floats, ItemKnn, Popularity, co_purchase_similarity, decayed_counts
from training.config import KnnConfig
from training.dataset import Dataset, Longs, build_dataset
from training.evaluation import evaluate_scorer, top_items
from training.labels import Moment
from training.split import Holdout, temporal_holdout

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
ITEMS = ("a", "b", "c", "d")


def moment(user: str, day: int, basket: str, bought: str = "") -> Moment:
    return Moment(user, to_us(START + timedelta(days=day)), frozenset(basket), frozenset(bought))


def values(recent: str = "", ages_days: tuple[float, ...] = (), *, allowed: bool = True) -> dict[str, Any]:
    found = evaluate(new_state(), to_us(START))
    found |= {
        "recent_items": list(recent),
        "recent_actions": ["purchase"] * len(recent),
        "recent_ages_s": [age * 86_400 for age in ages_days],
        "training_allowed": allowed,
    }
    return found


def dataset(*rows: tuple[Moment, dict[str, Any]]) -> Dataset:
    return build_dataset([row[0] for row in rows], [row[1] for row in rows], Vocabulary(ITEMS, ("UK",)))


BASKETS = dataset(
    (moment("u", 0, "ab"), values()),
    (moment("v", 1, "abc"), values()),
    (moment("u", 2, "c", "ab"), values("ab", (2.0, 2.0))),
    (moment("v", 3, "ad", "abc"), values("abc", (2.0, 2.0, 2.0))),
)
CUTOFF_US = to_us(START + timedelta(days=4))


def test_a_basket_holds_what_is_new_and_purchased_all_of_it() -> None:
    assert BASKETS.basket[3].tolist() == [3]
    assert BASKETS.purchased[3].tolist() == [0, 3]
    assert BASKETS.bought[3].tolist() == [0, 1, 2]


def test_moments_whose_features_withhold_training_are_left_out() -> None:
    kept = dataset((moment("u", 0, "a"), values(allowed=False)), (moment("v", 0, "b"), values()))
    assert kept.users.tolist() == ["v"]


def test_all_moments_withheld_is_an_error_that_says_so() -> None:
    with pytest.raises(LookupError, match=r"expected moments that may be used for training, came none among 1"):
        dataset((moment("u", 0, "a"), values(allowed=False)))


def test_popularity_counts_lines_and_halves_them_by_age() -> None:
    # a: days 0, 1, 3; one day's half-life before day 4: 1/16 + 1/8 + 1/2. d: day 3.
    assert decayed_counts(BASKETS, CUTOFF_US, None).tolist() == [3, 2, 2, 1]
    assert decayed_counts(BASKETS, CUTOFF_US, 1.0)[[0, 3]] == pytest.approx([1 / 16 + 1 / 8 + 1 / 2, 1 / 2])


def test_popularity_is_the_same_for_everybody() -> None:
    scores = Popularity(BASKETS, CUTOFF_US, half_life_days=None)(BASKETS, np.array([0, 1]))
    assert scores.tolist() == [[3, 2, 2, 1]] * 2


def test_similarity_is_the_shrunk_cosine_of_co_purchases() -> None:
    # Without decay a and b share two baskets; a is in three, b in two: 2 / (sqrt(3 * 2) + 1).
    config = KnnConfig(shrink=1.0, half_life_days=1e9, neighbours=4, exponent=0.5)
    similarity = co_purchase_similarity(BASKETS, CUTOFF_US, config)
    assert similarity[0, 1] == pytest.approx(2 / (sqrt(6) + 1), rel=1e-5)
    assert similarity.diagonal().tolist() == [0, 0, 0, 0]


def test_only_the_nearest_neighbours_are_kept() -> None:
    config = KnnConfig(shrink=0.0, half_life_days=1e9, neighbours=1, exponent=0.5)
    similarity = co_purchase_similarity(BASKETS, CUTOFF_US, config)
    assert (similarity > 0).sum(axis=1).tolist() == [1, 1, 1, 1]


def test_knn_sums_neighbours_of_the_history_by_its_age() -> None:
    # The history is b now and a one half-life ago; c's neighbours are a and b, half and whole.
    config = KnnConfig(shrink=0.0, half_life_days=1e9, history_half_life_days=2.0, neighbours=4, exponent=0.5)
    asked = dataset((moment("w", 5, "c", "ab"), values("ba", (0.0, 2.0))))
    scores = ItemKnn(BASKETS, CUTOFF_US, config)(asked, np.array([0]))[0]
    # a and c share one basket of three and two, b and c one of two and two.
    assert scores[2] == pytest.approx(1 / sqrt(2 * 2) + 0.5 / sqrt(3 * 2), abs=2e-5)


def test_knn_falls_back_on_popularity_for_a_first_time_visitor() -> None:
    asked = dataset((moment("w", 5, "c"), values()))
    knn = ItemKnn(BASKETS, CUTOFF_US, KnnConfig(popularity_half_life_days=1e9))
    assert np.argsort(-knn(asked, np.array([0]))[0])[0] == 0


def test_holdout_takes_the_last_whole_days_and_items_known_before_them() -> None:
    split = temporal_holdout(BASKETS, days=2)
    # What is new to its visitor on the last day, d, was never seen before: no test.
    assert split.cutoff_us == to_us(START + timedelta(days=2)) // DAY_US * DAY_US
    assert split.fit.tolist() == [0, 1]
    assert split.known.tolist() == [True, True, True, False]
    assert split.test.tolist() == [2]


def test_holdout_with_an_empty_side_says_which() -> None:
    with pytest.raises(ValueError, match=r"came 0 before and 0 in it"):
        temporal_holdout(BASKETS, days=30)


def test_ranking_leaves_out_bought_and_unknown_items() -> None:
    everything = Holdout(CUTOFF_US, np.array([0]), np.array([3]), np.array([True, True, True, True]))
    scorer = Popularity(BASKETS, CUTOFF_US, half_life_days=None)
    assert top_items(scorer, BASKETS, everything, np.array([3]), k=1).tolist() == [[3]]
    without_d = Holdout(CUTOFF_US, np.array([0]), np.array([2]), np.array([True, True, True, False]))
    assert top_items(scorer, BASKETS, without_d, np.array([2]), k=1).tolist() == [[2]]


def test_evaluation_is_perfect_for_a_scorer_that_knows() -> None:
    split = Holdout(CUTOFF_US, np.array([0]), np.array([2, 3]), np.array([True] * 4))

    def knowing(dataset: Dataset, rows: Longs) -> Floats:
        return np.stack([np.isin(np.arange(4), dataset.basket[int(row)]) for row in rows]).astype(np.float32)

    result = evaluate_scorer(knowing, BASKETS, split, np.array([0, 0, 1, 1], np.int32), k=2)
    assert (result.metrics(2)["recall_at_2"], result.metrics(2)["ndcg_at_2"]) == (1.0, 1.0)
