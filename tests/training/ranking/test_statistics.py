"""Item statistics against a recount, and what becomes of them in another vocabulary."""

from __future__ import annotations

from math import log1p

import numpy as np
import pytest

from features.instant import DAY_US
from features.ranking_items import HALF_LIVES_DAYS
from tests.training.test_fit import CUTOFF_US, shop
from training.baselines import co_purchase_similarity
from training.config import KnnConfig
from training.ranking.statistics import item_statistics, reindexed

KNN = KnnConfig(shrink=2.0, neighbours=5)


def test_statistics_are_those_of_a_recount_before_the_instant() -> None:
    data = shop()
    until_us = CUTOFF_US - 20 * DAY_US
    came = item_statistics(data, until_us, KNN, neighbours=4)
    before = [row for row in range(len(data)) if data.at_us[row] < until_us]
    similarity = co_purchase_similarity(data.take(np.array(before)), until_us, KNN)

    assert 0 < len(before) < len(data)
    for item in range(len(data.vocabulary.items)):
        ages = {row: float(until_us - data.at_us[row]) / DAY_US for row in before}
        for place, half_life in enumerate(HALF_LIVES_DAYS):
            sold = sum(2 ** (-ages[row] / half_life) for row in before if item in data.purchased[row])
            first = sum(2 ** (-ages[row] / half_life) for row in before if item in data.basket[row])
            assert came.sold[item, place] == pytest.approx(log1p(sold), abs=1e-5)
            assert came.discovered[item, place] == pytest.approx(log1p(first), abs=1e-5)
        assert came.on_sale_days[item] == pytest.approx(
            max((ages[row] for row in before if item in data.purchased[row]), default=0.0), abs=1e-3
        )
        assert came.similarity[item] == pytest.approx(np.sort(similarity[item])[::-1][:4], abs=1e-6)
        assert similarity[item, came.neighbours[item]] == pytest.approx(came.similarity[item], abs=1e-6)


def test_another_vocabulary_keeps_what_both_know() -> None:
    data = shop()
    own = data.vocabulary.items
    statistics = item_statistics(data, CUTOFF_US, KNN, neighbours=6)
    wanted = ("new", *own[:4:-1])
    came = reindexed(statistics, own, wanted)

    assert not came.sold[0].any()
    assert not came.similarity[0].any()
    for row, item in enumerate(wanted[1:], start=1):
        old = own.index(item)
        assert np.array_equal(came.sold[row], statistics.sold[old])
        assert came.on_sale_days[row] == statistics.on_sale_days[old]
        near = {
            wanted[at]: similar
            for at, similar in zip(came.neighbours[row], came.similarity[row], strict=True)
            if similar
        }
        expected = {
            own[at]: similar
            for at, similar in zip(statistics.neighbours[old], statistics.similarity[old], strict=True)
            if similar and own[at] in wanted
        }
        assert near == expected
