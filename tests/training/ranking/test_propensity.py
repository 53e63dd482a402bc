"""Propensities against those by which the clicks were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from training.ranking.propensity import inverse_weights, propensities


def drawn(seed: int, *, lists: int = 6000, places: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clicks on lists whose first places hold what is liked more; chances to be looked at are 1 / place ** 0.7."""
    random = np.random.default_rng(seed)
    liking = random.normal(size=(lists, places))
    # A ranker of some skill: its order follows the liking, with noise.
    order = np.argsort(-(liking + random.normal(size=liking.shape)), axis=1)
    liking = np.take_along_axis(liking, order, axis=1)
    looked = 1.0 / np.arange(1, places + 1) ** 0.7
    liked = 1 / (1 + np.exp(-(1.2 * liking - 0.5)))
    clicked = (random.random(liking.shape) < looked * liked).astype(float)
    columns = np.stack((liking, random.normal(size=liking.shape)), axis=-1).reshape(-1, 2)
    return clicked.ravel(), np.tile(np.arange(places), lists), columns, looked


def test_finds_the_chances_of_the_places_where_better_items_stand_first() -> None:
    clicked, places, columns, looked = drawn(1)
    came = propensities(clicked, places, columns)
    assert came == pytest.approx(looked, abs=0.06)
    # The share of clicks by place alone would take the ranker's skill for the place's.
    naive = np.bincount(places, clicked) / np.bincount(places)
    assert abs(naive[-1] / naive[0] - looked[-1]) > 0.08


def test_weights_are_the_inverse_up_to_the_clip() -> None:
    came = inverse_weights(np.array([1.0, 0.5, 0.01]), np.array([2, 0, 1, 1]), clip=10.0)
    assert came.tolist() == [10.0, 1.0, 2.0, 2.0]


def test_nothing_clicked_is_refused() -> None:
    with pytest.raises(ValueError, match="expected clicks, came none of 3"):
        propensities(np.zeros(3), np.arange(3), np.zeros((3, 1)))
