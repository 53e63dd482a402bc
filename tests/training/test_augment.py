"""Poorer histories, against what the words say of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.augment import crop_histories, mask_moments

# Two rows with five and one moment, and one without any history.
ORDERS = np.array([[1, 1, 2, 3, 3, 4, 5, 0], [1, 1, 1, 0, 0, 0, 0, 0], [0] * 8], np.int32)


def batch(repeats: int) -> dict[str, NDArray[Any]]:
    orders = np.tile(ORDERS, (repeats, 1))
    items = np.where(orders > 0, np.arange(1, 9, dtype=np.int32), 0)
    return {"items": items, "ages": items.copy(), "orders": orders, "actions": items.copy(), "dense": np.ones(3)}


def moments(made: dict[str, NDArray[Any]], row: int) -> list[int]:
    """Which moments are left; each is there with all of its lines, in every array, or gone from all."""
    orders, whole = made["orders"][row], ORDERS[row % 3]
    left = sorted(set(orders[orders > 0].tolist()))
    expected = np.isin(whole, left) & (whole > 0)
    for name in ("items", "ages", "orders", "actions"):
        assert ((made[name][row] > 0) == expected).all()
    return left


def test_a_cropped_history_keeps_its_newest_moments() -> None:
    made = batch(2_000)
    crop_histories(made, 1.0, np.random.default_rng(1))
    kept = [len(moments(made, row)) for row in range(0, 6_000, 3)]

    assert all(moments(made, row) == list(range(1, kept[row // 3] + 1)) for row in range(0, 6_000, 3))
    # One to five, each as often: 400 of 2,000, five standard deviations of a binomial are 89.
    assert all(abs(count - 400) < 89 for count in np.bincount(kept, minlength=6)[1:])
    assert moments(made, 1) == [1]
    assert moments(made, 2) == []
    assert made["dense"].tolist() == [1, 1, 1]


def test_a_share_of_the_histories_is_cropped() -> None:
    made = batch(2_000)
    crop_histories(made, 0.25, np.random.default_rng(2))
    whole = sum(moments(made, row) == [1, 2, 3, 4, 5] for row in range(0, 6_000, 3))

    # Cropped ones keep all five in one case of five: 2000 * (1 - .25 * .8) = 1600, five deviations are 89.
    assert abs(whole - 1_600) < 89


def test_moments_are_hidden_whole_and_never_all_of_them() -> None:
    made = batch(2_000)
    mask_moments(made, 0.5, np.random.default_rng(3))
    left = [moments(made, row) for row in range(0, 6_000, 3)]

    assert all(left)
    # The oldest of five is hidden in half of the cases.
    assert abs(sum(5 in row for row in left) - 1_000) < 112
    # A single moment stays: hidden, nothing would be left.
    assert all(moments(made, row) == [1] for row in range(1, 6_000, 3))


def test_nothing_happens_without_a_share() -> None:
    made = batch(3)
    random = np.random.default_rng(5)
    crop_histories(made, 0.0, random)
    mask_moments(made, 0.0, random)

    assert (made["orders"] == np.tile(ORDERS, (3, 1))).all()
    # Nor is anything drawn: a configuration without them fits as it did before there were any.
    assert random.random() == np.random.default_rng(5).random()
