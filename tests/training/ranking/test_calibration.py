"""Calibration against numbers worked out by hand, and against a finer fit."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from training.ranking.calibration import expected_calibration_error, log_loss, platt


def test_platt_finds_the_chances_that_the_choices_were_drawn_by() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(size=200_000)
    chosen = (random.random(len(logits)) < 1 / (1 + np.exp(-(0.6 * logits - 2.0)))).astype(float)
    slope, intercept = platt(logits, chosen)
    assert slope == pytest.approx(0.6, abs=0.02)
    assert intercept == pytest.approx(-2.0, abs=0.02)


def test_platts_targets_keep_separable_choices_finite() -> None:
    # Two logits, one chosen: the targets are 2/3 and 1/3, so slope 1 and -1 give logit(2/3) = log 2 and its opposite.
    slope, intercept = platt(np.array([-1.0, 1.0]), np.array([0.0, 1.0]))
    assert slope == pytest.approx(log(2))
    assert intercept == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("chosen", [0.0, 1.0])
def test_choices_that_are_all_alike_are_refused(chosen: float) -> None:
    with pytest.raises(ValueError, match="expected some chosen and some not"):
        platt(np.zeros(3), np.full(3, chosen))


def test_error_is_the_mean_distance_of_chance_and_frequency() -> None:
    # Bins of two: chances .1 .2 with no choice are .15 off, .6 .8 with one choice .2 off.
    chances, chosen = np.array([0.8, 0.1, 0.6, 0.2]), np.array([1.0, 0.0, 0.0, 0.0])
    assert expected_calibration_error(chances, chosen, bins=2) == pytest.approx((0.15 + 0.2) / 2)


def test_log_loss_is_that_of_the_chance_given_to_what_happened() -> None:
    assert log_loss(np.array([0.25, 0.25]), np.array([1.0, 0.0])) == pytest.approx(-(log(0.25) + log(0.75)) / 2)
