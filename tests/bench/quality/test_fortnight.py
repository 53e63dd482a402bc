"""Fortnights before a holdout: none reaches into another, and a gain is a mean of differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.quality.fortnight import fortnights_before
from bench.quality.stopping import AGAIN, EVERYTHING, STOPPED, WHOLE, stopping_table
from features.instant import DAY_US
from tests.training.test_fit import CATALOGUE, shop
from training.collect import Collected
from training.config import TrainingConfig
from training.dataset import Dataset
from training.evaluation import Result
from training.split import temporal_holdout

CONFIG = replace(TrainingConfig(), holdout_days=7, bootstrap_rounds=20)


def shop_in_order() -> Dataset:
    data = shop(400)
    return data.take(np.argsort(data.at_us, kind="stable"))


def test_fortnights_lie_one_before_another_and_before_the_holdout() -> None:
    data = shop_in_order()
    final = temporal_holdout(data, days=7)
    found = fortnights_before(Collected(CATALOGUE, data, final, {}), CONFIG, count=3)
    cutoffs = [final.cutoff_us, *(one.holdout.cutoff_us for one in found)]
    assert np.diff(cutoffs).tolist() == [-7 * DAY_US] * 3
    for one, end_us in zip(found, cutoffs, strict=False):
        tested = data.at_us[one.holdout.test]
        assert one.holdout.cutoff_us <= tested.min() <= tested.max() < end_us
        assert one.fit_set.at_us.max() < one.holdout.cutoff_us
        assert len(one.fit_set) == (data.at_us < one.holdout.cutoff_us).sum()


def test_a_row_has_the_mean_of_the_differences_case_by_case() -> None:
    data = shop_in_order()
    one = fortnights_before(Collected(CATALOGUE, data, temporal_holdout(data, days=7), {}), CONFIG, count=1)[0]
    count = len(one.holdout.test)

    def result(ndcg: float) -> Result:
        return Result(np.zeros((count, 10), np.int32), np.full(count, 0.5), np.full(count, ndcg), 0.1, 0.2)

    assert "gain" not in one.row(result(0.3))
    row = one.row(result(0.3), result(0.1))
    assert [row["gain"], row["gain_low"], row["gain_high"]] == pytest.approx([0.2] * 3)
    assert [row["ndcg_at_10"], row["ndcg_at_10_low"]] == pytest.approx([0.3, 0.3])


def test_the_table_of_stopping_has_a_column_a_fortnight() -> None:
    row = {"ndcg_at_10": 0.1}
    other = {"ndcg_at_10": 0.09, "gain": -0.01, "gain_low": -0.02, "gain_high": 0.0}
    rows = {EVERYTHING: row, STOPPED: other, AGAIN: other}
    fortnights = [
        {"cases": 9, "best_epoch": 3, "rows": rows | {WHOLE: other}},
        {"cases": 8, "best_epoch": 4, "rows": rows},
    ]
    table = stopping_table({"details": {"epochs": 20, "fortnights": fortnights}}).splitlines()
    assert table[0].endswith("best epochs 3, 4.")
    cell = "0.0900 (-0.0100 [-0.0200, +0.0000])"
    assert table[2:] == [
        "| Fit | 9 cases | 8 cases |",
        "|---|---|---|",
        f"| {EVERYTHING} | 0.1000 | 0.1000 |",
        f"| {STOPPED} | {cell} | {cell} |",
        f"| {AGAIN} | {cell} | {cell} |",
        f"| {WHOLE} | {cell} |  |",
    ]
