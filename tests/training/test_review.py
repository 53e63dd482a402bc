"""Slices, and the gap between training and holdout, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contracts.item import Item
from features.evaluate import evaluate
from features.instant import DAY_US
from features.state import new_state
from features.tower_input import Vocabulary
from training.baselines import Floats
from training.card import CARD_FILE, CARD_TEXT_FILE, Data, Learning, ModelCard, card_files
from training.collect import Collected
from training.dataset import Dataset, Longs, build_dataset
from training.evaluation import evaluate_scorer
from training.folds import Fold, fold_rows, summary
from training.labels import Moment
from training.review import Measuring, review, train_gap, train_sample
from training.slices import Slice, first_sold_us, slices
from training.split import temporal_holdout, user_groups

ITEMS = tuple(f"i{n}" for n in range(6))
CATALOGUE = [Item(item, "Mug", 1.0, "c") for item in ITEMS]
CATEGORIES = np.zeros(6, np.int32)


def moment(user: str, day: int, *items: int, had: int = 0, country: str = "UK") -> tuple[Moment, dict[str, object]]:
    values = evaluate(new_state(), day) | {
        "recent_items": [ITEMS[5]] * had,
        "recent_actions": ["click"] * had,
        "recent_ages_s": [1.0] * had,
        "training_allowed": True,
    }
    return Moment(user, day * DAY_US + 1, frozenset(ITEMS[item] for item in items), frozenset(), country), values


def dataset(*rows: tuple[Moment, dict[str, object]]) -> Dataset:
    return build_dataset([row[0] for row in rows], [row[1] for row in rows], Vocabulary(ITEMS, ("UK",)))


DATA = dataset(
    moment("a", 0, 0),
    moment("b", 100, 1, 2),
    moment("c", 290, 3),
    moment("d", 299, 4),
    # The holdout's two days: the cutoff is day 300.
    moment("a", 300, 0, 3),
    moment("b", 300, 1, had=12),
    moment("e", 301, 4, had=12, country="France"),
)


def sold_first() -> Longs:
    return first_sold_us(DATA.take(np.arange(4)), 300 * DAY_US)


class Fixed:
    """Finds item 0, then 4, then the others in order, for everybody."""

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        return np.tile(np.array([9, 3, 2, 1, 5, 0], np.float32), (len(rows), 1))


def test_slices_by_hand() -> None:
    """Lists of two: [0, 4] for all. Baskets {0, 3}, {1}, {4}; ages 300 days, 10, 200 and 1."""
    holdout = temporal_holdout(DATA, days=2)
    parts = slices(evaluate_scorer(Fixed(), DATA, holdout, CATEGORIES, k=2), DATA, holdout, sold_first())
    second = 1 / np.log2(3)
    half = 1 / (1 + second)
    assert [(part.by.split()[0], part.value, part.unit, part.count) for part in parts] == [
        ("items", "0", "moments", 1),
        ("items", "10 to 49", "moments", 2),
        ("country", "UK", "moments", 2),
        ("country", "France", "moments", 1),
        ("days", "0 to 29", "items", 2),
        ("days", "180 and more", "items", 2),
    ]
    assert [part.recall for part in parts] == pytest.approx([0.5, 0.5, 0.25, 1.0, 0.5, 0.5])
    assert [part.ndcg for part in parts][:4] == pytest.approx([half, second / 2, half / 2, second])
    assert [part.ndcg for part in parts][4:] == [None, None]


def test_the_training_sample_is_the_newest_as_many_as_the_holdouts() -> None:
    holdout = temporal_holdout(DATA, days=2)
    assert train_sample(DATA, holdout).test.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="came none of 0"):
        train_sample(DATA, replace(holdout, fit=holdout.fit[:0]))


def test_the_gap_is_the_difference_of_two_measurements_of_one_kind() -> None:
    holdout = temporal_holdout(DATA, days=2)
    own = evaluate_scorer(Fixed(), DATA, holdout, CATEGORIES, k=2)
    found = review(Fixed(), own, {"m": own}, DATA, holdout, Measuring(2, 50, 1, CATEGORIES, sold_first()))
    second = 1 / np.log2(3)
    # Training: {1, 2} and {3} find nothing, {4} is second. Holdout: as above.
    held = (1 / (1 + second) + 0 + second) / 3
    assert found.gap == pytest.approx(
        {"train_ndcg_at_2": second / 3, "holdout_ndcg_at_2": held, "gap": second / 3 - held, "train_moments": 3}
    )
    assert found.bounds["m"]["ndcg_at_2_low"] <= held <= found.bounds["m"]["ndcg_at_2_high"]
    assert train_gap(own, own, 2)["gap"] == 0


def test_folds_share_out_the_visitors_and_fit_to_the_others_past() -> None:
    holdout = temporal_holdout(DATA, days=2)
    collected = Collected(CATALOGUE, DATA, holdout, {})
    measured: list[int] = []
    for group in range(2):
        fit, own = fold_rows(collected, group, 2)
        assert not set(DATA.users[fit]) & set(DATA.users[own.test])
        assert own.known.tolist() == holdout.known.tolist()
        assert (DATA.at_us[fit] < holdout.cutoff_us).all()
        measured += own.test.tolist()
    assert sorted(measured) == holdout.test.tolist()


def test_a_fold_that_nobody_of_the_holdout_is_in_is_refused() -> None:
    collected = Collected(CATALOGUE, DATA, temporal_holdout(DATA, days=2), {})
    own = set(user_groups(np.array(["a", "b", "e"]), 50).tolist())
    empty = next(group for group in range(50) if group not in own)
    with pytest.raises(ValueError, match=rf"fold {empty + 1} of 50: expected .*, came \d to fit and 0"):
        fold_rows(collected, empty, 50)


def test_mean_and_spread_over_folds() -> None:
    folds = [Fold(9, 3, {"m": {"ndcg": value}}) for value in (0.1, 0.2, 0.3)]
    assert summary(folds)["m"] == pytest.approx({"ndcg_mean": 0.2, "ndcg_spread": 0.1})


def test_the_card_says_in_words_what_it_says_in_figures() -> None:
    card = ModelCard(
        name="two",
        feature_service="service_v1",
        served="two_tower",
        data=Data(
            moments=7, visitors=5, items=6, begin="2010-12-01", cutoff="2011-11-26", end="2011-12-09",
            fitted_moments=3,  holdout_moments=3, snapshots={"events": 12}, consent="given",
            left_out={"moments of bots": 4},
        ),
        configuration={"tower.dim": 64},
        learning=Learning(epochs=13, export_difference=3e-7),
        metrics={"popularity": {"ndcg_at_10": 0.05}, "two_tower": {"ndcg_at_10": 0.11, "coverage": 0.4}},
        bounds={"two_tower": {"ndcg_at_10_low": 0.1, "ndcg_at_10_high": 0.12}},
        gap={"gap": 0.02, "train_moments": 3.0},
        slices=[Slice("country", "UK", "moments", 2, 0.25, 0.125)],
    )  # fmt: skip
    files = card_files(card)
    text = files[CARD_TEXT_FILE].decode()
    assert "| **two_tower** | 0.1100 [0.1000, 0.1200] | 0.4000 |" in text
    assert "| popularity | 0.0500 |  |" in text
    assert "| country | UK | 2 moments | 0.2500 | 0.1250 |" in text
    assert "4 moments of bots" in text
    assert "gap 0.0200, train_moments 3. Fitted for 13 epochs" in text
    assert all(limit in text for limit in card.limits)
    assert b'"left_out"' in files[CARD_FILE]
