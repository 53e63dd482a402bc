"""What sales say of items: by hand, on moments given day by day."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest

from features.instant import DAY_US
from tests.training.test_fit import CATALOGUE, shop
from training.dataset import Dataset, Ragged
from training.selling import growth, still_sold


def sold(days_and_items: list[tuple[int, list[int]]]) -> Dataset:
    """Moments at so many days from the first, in time order."""
    data = shop(len(days_and_items))
    at_us = np.array([day * DAY_US for day, _ in days_and_items], np.int64)
    return replace(data, at_us=at_us, purchased=Ragged.of([items for _, items in days_and_items]))


def test_an_item_counts_half_for_each_twenty_days_without_a_sale() -> None:
    found = still_sold(sold([(0, [0, 1]), (20, [2]), (40, [0, 3])]))
    assert found[:5].tolist() == [1.0, 0.25, 0.5, 1.0, 0.0]
    assert found.shape == (len(CATALOGUE),)


def test_growth_is_of_four_weeks_over_the_four_before() -> None:
    data = sold([(0, [3]), (72, [0, 1]), (73, [0, 1]), (99, [1]), (100, [0, 1]), (101, [2])])
    found = growth(data)
    # The newest four weeks are those after day 73, the four before them those after day 45.
    assert found[:4] == pytest.approx([log(2) - log(3), log(3) - log(3), log(2), 0.0])


def test_growth_is_unknown_before_eight_weeks() -> None:
    assert not growth(sold([(0, [0]), (30, [1]), (55, [1, 2])])).any()
    assert growth(sold([(0, [0]), (30, [1]), (56, [1, 2])])).any()
