"""The network, its loss and its fit; the numpy pass that serving uses beside the one that learned."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest

from features.ranking_forward import forward
from features.ranking_input import COLUMNS, SHARE
from training.config import RankingConfig
from training.keras import tf
from training.ranking.fit import fit_ranker, logits_of, user_folds, weights_of
from training.ranking.lists import Lists
from training.ranking.network import DeepCross, softmax_loss

CONFIG = RankingConfig(hidden=8, epochs=4, batch=16, learning_rate=0.02)
PRICE = COLUMNS.index("price")


def loss_of(logits: list[list[float]], gains: list[list[float]], *, shown: Any = None, exponent: float = 0.0) -> float:
    everything = np.ones((len(logits), len(logits[0])), np.bool_) if shown is None else np.array(shown)
    return float(softmax_loss(tf.constant(logits), tf.constant(gains), tf.constant(everything), exponent=exponent))


def test_loss_is_the_choices_mean_cross_entropy_by_their_gains() -> None:
    # Logits 0, log 2, log 5 give shares 1/8, 2/8, 5/8; gains 1 and 3 weigh the second and third.
    expected = -(1 / 4 * log(2 / 8) + 3 / 4 * log(5 / 8))
    assert loss_of([[0.0, log(2), log(5)]], [[0.0, 1.0, 3.0]]) == pytest.approx(expected)


def test_what_was_not_shown_takes_no_part() -> None:
    assert loss_of([[0.0, log(2), 9.0]], [[1.0, 0.0, 0.0]], shown=[[True, True, False]]) == pytest.approx(log(3))


def test_a_list_weighs_a_power_of_its_gains_and_none_without_any() -> None:
    # Losses log 2 and log 4; weights 4 ** .5 and 1 ** .5; the third list has nothing chosen.
    came = loss_of(
        [[0.0, 0.0, -99.0, -99.0], [0.0] * 4, [0.0] * 4], [[4.0, 0, 0, 0], [1.0, 0, 0, 0], [0.0] * 4], exponent=0.5
    )
    assert came == pytest.approx((sqrt(4) * log(2) + log(4)) / (sqrt(4) + 1))


def columns(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=(*shape, len(COLUMNS))).astype(np.float32)


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_numpy_gives_what_tensorflow_gives(layers: int) -> None:
    random = np.random.default_rng(3)
    width = len(COLUMNS)
    scale = np.where(np.arange(width) % 5 == 0, 0.0, random.uniform(0.5, 3.0, width)).astype(np.float32)
    network = DeepCross(columns(1)[:width], scale, replace(CONFIG, cross_layers=layers))
    inputs = columns(2, 300)
    network(tf.constant(inputs[None]))
    for weight in network.trainable_variables:
        weight.assign(random.normal(scale=0.3, size=weight.shape))
    expected = network(tf.constant(inputs[None])).numpy()[0]
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(forward(weights_of(network), inputs), expected, rtol=1e-5, atol=1e-5)


def shop(count: int = 60, depth: int = 12, seed: int = 5) -> Lists:
    """Visitors who choose what is cheap, by the column `price`."""
    random = np.random.default_rng(seed)
    drawn = columns(seed, count, depth)
    drawn[..., SHARE] = -log(depth)
    chances = 1 / (1 + np.exp(3.0 + 3.0 * drawn[..., PRICE]))
    gains = (random.random((count, depth)) < chances).astype(np.float32)
    users = np.array([f"u{number % 40}" for number in range(count)])
    return Lists(drawn, gains, np.ones((count, depth), np.bool_), users)


def test_fit_finds_what_is_chosen_and_how_often() -> None:
    lists, later = shop(300), shop(300, seed=6)
    weights = fit_ranker(lists, replace(CONFIG, epochs=6, batch=32))
    logits = logits_of(weights, later.columns)
    cheap = -later.columns[..., PRICE]
    assert np.corrcoef(logits.ravel(), cheap.ravel())[0, 1] > 0.75
    slope, intercept = weights.calibration
    chances = 1 / (1 + np.exp(-(slope * logits + intercept)))
    assert slope > 0
    assert float(chances.mean()) == pytest.approx(float(later.gains.mean()), abs=0.03)


def test_fit_repeats_itself_and_depends_on_its_seed() -> None:
    lists = shop()
    once, again, other = (fit_ranker(lists, replace(CONFIG, seed=seed)).out for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_what_never_changes_in_training_says_nothing_later() -> None:
    lists = shop()
    lists.columns[..., PRICE + 1] = 7.0
    weights = fit_ranker(lists, replace(CONFIG, epochs=1))
    moved = lists.columns[0].copy()
    moved[:, PRICE + 1] = -50.0
    assert np.array_equal(forward(weights, moved), forward(weights, lists.columns[0]))


def test_a_visitors_lists_are_in_one_fold() -> None:
    users = np.array([f"u{number % 9}" for number in range(50)])
    folds = user_folds(users, 3, seed=1)
    assert all(len(set(folds[users == user])) == 1 for user in set(users))
    assert np.bincount(folds[:9]).tolist() == [3, 3, 3]
    with pytest.raises(ValueError, match="expected at least 3 visitors, came 2"):
        user_folds(np.array(["a", "b", "a"]), 3, seed=1)


def test_begins_as_retrievals_own_order() -> None:
    # Weights near nothing beside the share itself, exp(gap) / sum.
    inputs = columns(4, 30) * 0
    inputs[:, SHARE] = np.linspace(-1, -9, 30)
    untrained = DeepCross(np.zeros(len(COLUMNS), np.float32), np.zeros(len(COLUMNS), np.float32), CONFIG)
    logits = untrained(tf.constant(inputs)).numpy()
    assert (np.diff(logits) < 0).all()
    assert exp(logits[0]) == pytest.approx(exp(-1), rel=0.05)
