"""The task's loss by hand, what a batch holds, and that fitting repeats itself."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import Any

import numpy as np
import pytest

from contracts.item import Item
from features.evaluate import evaluate
from features.instant import DAY_US
from features.state import new_state
from features.tower_input import Vocabulary
from training.batches import Batches, label_weights
from training.catalogue import item_content
from training.config import TowerConfig
from training.dataset import Dataset, Ragged, build_dataset
from training.export import tower_arrays
from training.fit import fit_towers, standardisation
from training.keras import tf
from training.labels import Moment
from training.towers import BasketRetrieval
from training.trends import daily_trends

COUNT = 30
CATALOGUE = [Item(f"i{n:02}", f"Blue tin number {n % 5}", 1.0 + n % 7, f"c{n % 2}") for n in range(COUNT)]
CUTOFF_US = 400 * DAY_US
CONFIG = TowerConfig(dim=8, hidden=4, epochs=4, batch=32, session_share=0.5, learning_rate=0.02)


def shop(moments: int = 120) -> Dataset:
    """Visitors who keep to the even or to the odd items."""
    random = np.random.default_rng(1)
    rows: list[tuple[Moment, dict[str, Any]]] = []
    for number in range(moments):
        side = number % 2
        own = [f"i{n:02}" for n in range(side, COUNT, 2)]
        chosen = [str(item) for item in random.permutation(own)[:8]]
        at_us = CUTOFF_US - int(random.integers(1, 60)) * DAY_US
        values = evaluate(new_state(), at_us) | {
            "recent_items": chosen[:3],
            "recent_actions": ["purchase"] * 3,
            "recent_ages_s": [3600.0, 3600.0, 86_400.0],
            "training_allowed": True,
        }
        rows.append((Moment(f"u{number}", at_us, frozenset(chosen[3:]), frozenset(chosen[:3]), "UK"), values))
    vocabulary = Vocabulary(tuple(item.item_id for item in CATALOGUE), ("UK",))
    return build_dataset([row[0] for row in rows], [row[1] for row in rows], vocabulary)


def batches(data: Dataset, config: TowerConfig) -> Batches:
    weights = label_weights(data.at_us, CUTOFF_US, config)
    return Batches(data, np.arange(len(data)), weights, daily_trends(data, CUTOFF_US, (5.0,)), config)


def loss_of(scores: list[list[float]], **changes: Any) -> float:
    """The task's loss where the scores of one query are given outright, as biases."""
    rows, columns = len(scores), len(scores[0])
    arguments: dict[str, Any] = {
        "positives": tf.constant([[1.0] + [0.0] * (columns - 1)] * rows),
        "score_mask": tf.ones((rows, columns), tf.bool),
        "candidate_bias": tf.constant(scores[0]),
        "candidate_sampling_probability": tf.ones(columns),
        "sample_weight": tf.ones(rows),
        "basket_exponent": 0.5,
    }
    task = BasketRetrieval()
    return float(task(tf.zeros((rows, 2)), tf.zeros((columns, 2)), **(arguments | changes)))


def test_loss_is_the_baskets_mean_cross_entropy() -> None:
    # Scores 0, log 2, log 5 give chances 1/8, 2/8, 5/8; the basket is the first two.
    expected = -(log(1 / 8) + log(2 / 8)) / 2
    assert loss_of([[0.0, log(2), log(5)]], positives=tf.constant([[1.0, 1.0, 0.0]])) == pytest.approx(expected)


def test_a_masked_candidate_takes_no_part() -> None:
    # Without the third, the chances are 1/3 and 2/3.
    came = loss_of([[0.0, log(2), log(5)]], score_mask=tf.constant([[True, True, False]]))
    assert came == pytest.approx(log(3))


def test_the_logarithm_of_the_sampling_probability_is_taken_off() -> None:
    # 0 - log(1) and log 2 - log(1/2) = log 4: chances 1/5 and 4/5.
    came = loss_of([[0.0, log(2)]], candidate_sampling_probability=tf.constant([1.0, 0.5]))
    assert came == pytest.approx(log(5), rel=1e-5)


def test_a_larger_basket_weighs_its_root() -> None:
    # Two queries share scores 0, 0, 0 (each cross-entropy is log 3) and then differ by mask: the second
    # may choose among its two positives alone, log 2. Weights: 1 and sqrt(2).
    came = loss_of(
        [[0.0, 0.0, 0.0]] * 2,
        positives=tf.constant([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]),
        score_mask=tf.constant([[True, True, True], [True, True, False]]),
    )
    assert came == pytest.approx((log(3) + 2**0.5 * log(2)) / (1 + 2**0.5))


def test_a_session_moves_items_from_the_basket_into_the_history() -> None:
    data = shop()
    config = TowerConfig(batch=120, session_share=1.0, session_items=2)
    batch = batches(data, config)[0]
    touched = (batch["orders"] > 0).sum(axis=1) - 3
    assert set(touched) <= {1, 2}
    rows = np.arange(len(touched))
    first = batch["items"][:, 0] - 1
    assert not batch["positives"][rows, first].any()
    assert not batch["allowed"][rows, first].any()
    assert (batch["positives"].sum(axis=1) + touched).tolist() == [5] * len(touched)


def test_without_sessions_a_batch_is_the_dataset() -> None:
    data = shop(20)
    batch = batches(data, TowerConfig(batch=20, session_share=0.0))[0]
    assert sorted(map(tuple, batch["items"])) == sorted(map(tuple, data.inputs.items))
    assert batch["probability"].tolist() == [1.0] * COUNT
    assert batch["allowed"].sum(axis=1).tolist() == [COUNT - 3] * 20


def test_what_was_turned_down_counts_as_more_and_histories_can_be_cropped() -> None:
    data = shop(20)
    mine = [int(items[0]) for items in (data.basket[row] for row in range(20))]
    closed = [int(items[0]) for items in (data.bought[row] for row in range(20))]
    data = replace(data, refused=Ragged.of([[one, other] for one, other in zip(mine, closed, strict=True)]))
    config = TowerConfig(batch=20, session_share=0.0, refused_weight=4.0, crop_share=1.0)
    batch = batches(data, config)[0]
    # Of the two the one in the basket is a positive; the other counts as five.
    assert (batch["extra_logits"] > 0).sum(axis=1).tolist() == [1] * 20
    assert batch["extra_logits"].max() == pytest.approx(log(5))
    assert not batch["extra_logits"][batch["positives"]].any()
    assert (batch["orders"] > 0).sum() < (data.inputs.orders > 0).sum()
    without = batches(shop(20), config)[0]["extra_logits"]
    assert without.shape == (20, 1)
    assert not without.any()


def test_a_large_catalogue_is_sampled_and_says_the_odds() -> None:
    data = shop(40)
    batch = batches(data, TowerConfig(batch=4, session_share=0.0, softmax_items=6))[0]
    assert len(batch["candidates"]) < COUNT
    assert batch["positives"].sum(axis=1).tolist() == [5] * 4
    # At least the uniform sample's share, 6 of 30, and no certainty.
    assert (batch["probability"] >= 6 / 30).all()
    assert (batch["probability"] < 1).all()


def test_newer_labels_weigh_more() -> None:
    data = shop(20)
    made = batches(data, TowerConfig(batch=20, session_share=0.0, label_half_life_days=10.0))
    ages = (CUTOFF_US - data.at_us) / DAY_US
    assert sorted(made[0]["weight"].tolist()) == pytest.approx(sorted(exp(-log(2) * age / 10) for age in ages))


def test_a_day_knows_the_days_before_it_and_not_itself() -> None:
    def bought(day: int, item: str) -> tuple[Moment, dict[str, Any]]:
        values = evaluate(new_state(), day * DAY_US) | {"training_allowed": True}
        return Moment("u", day * DAY_US + 5, frozenset({item}), frozenset()), values

    rows = [bought(10, "a"), bought(12, "a"), bought(12, "b")]
    data = build_dataset([row[0] for row in rows], [row[1] for row in rows], Vocabulary(("a", "b"), ()))
    trends = daily_trends(data, 14 * DAY_US, (2.0,))
    # a on day 10 is halved by day 12; on day 14 it is a quarter, and day 12's lines are halves.
    assert trends.places(data.at_us).tolist() == [0, 2, 2]
    assert np.expm1(trends.log_counts[2, 0]) == pytest.approx([1 / 2, 0.0])
    assert np.expm1(trends.newest[0]) == pytest.approx([1 / 4 + 1 / 2, 1 / 2])


def test_what_never_changes_is_not_heard() -> None:
    dense = np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)
    mean, scale = standardisation(dense)
    assert mean.tolist() == [2.0, 5.0]
    assert scale.tolist() == [1.0, 0.0]


def test_fitting_learns_and_repeats_itself_to_the_bit() -> None:
    content = item_content(CATALOGUE)
    losses: list[float] = []
    first = tower_arrays(fit_towers(shop(), content, CUTOFF_US, CONFIG, lambda epoch, loss: losses.append(loss)))
    again = tower_arrays(fit_towers(shop(), content, CUTOFF_US, CONFIG, lambda epoch, loss: None))
    assert losses[-1] < losses[0]
    assert np.array_equal(first.vectors, again.vectors)
    assert np.array_equal(first.user.history, again.user.history)
