"""The ratio over periods, and what biases learn between two fits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.online_biases import Stream, Way, follow
from bench.warm_start_periods import ratio
from features.instant import DAY_US


def test_a_ratio_is_of_the_periods_means_whatever_their_sizes() -> None:
    above = [np.array([0.2, 0.4]), np.array([0.1])]
    below = [np.array([0.4, 0.4]), np.array([0.2])]
    users = [np.array(["a", "b"]), np.array(["a"])]
    # Means 0.3 and 0.1 by 0.4 and 0.2.
    came = ratio(above, below, users)
    assert came["mean"] == pytest.approx(0.4 / 0.6, abs=1e-4)
    assert came["low"] <= came["mean"] <= came["high"]


def stream() -> Stream:
    """Three moments of a day apart that all choose item 1, which the model places second of two."""
    nothing = np.zeros(0, np.int32)
    chosen = [np.array([1], np.int32)] * 3
    return Stream(
        cutoff_us=0,
        at_us=np.arange(3) * DAY_US,
        scores=np.tile([0.5, 0.0], (3, 1)),
        known=np.ones(3, np.bool_),
        baskets=chosen,
        bought=[nothing] * 3,
        purchased=chosen,
        counts=np.zeros(2),
        weight=1.0,
        half_life_days=5.0,
    )


SECOND = 1 / math.log2(3)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (Way("as fitted"), [SECOND, SECOND, SECOND]),
        # The first step moves item 1 by 0.622 up and item 0 as much down, beyond the half between them.
        (Way("learned", rate=1.0), [SECOND, 1.0, 1.0]),
        # Shown from the third day on, and not before.
        (Way("learned, every second day", rate=1.0, every_us=2 * DAY_US), [SECOND, SECOND, 1.0]),
        # A purchase a day ago counts for 2 ** -0.2 = 0.871: log 1.871 = 0.626 is more than a half.
        (Way("counted", counted=True), [SECOND, 1.0, 1.0]),
        (Way("learned slowly", rate=0.3), [SECOND, SECOND, 1.0]),
    ],
)
def test_biases_follow_what_was_bought_and_never_what_is_to_be_found(way: Way, expected: list[float]) -> None:
    assert follow(stream(), way).tolist() == pytest.approx(expected)
