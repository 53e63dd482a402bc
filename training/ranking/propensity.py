"""How likely a place of a list is to be looked at, from what was clicked where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.ranking.calibration import sigmoid

Doubles = NDArray[np.float64]

_ROUNDS = 100
_DONE = 1e-5
_RIDGE = 1.0
_NEWTON_STEPS = 3
_SURE = 1e-6


def propensities(clicked: Doubles, places: NDArray[np.int64], columns: Doubles) -> Doubles:
    """The chance [places] of each place to be looked at, relative to the first's.

    The position-based model: a shown item is clicked where it is looked at and liked, chances theta_place and
    gamma(columns), apart from each other. Estimated by expectation and maximisation with a logistic regression for
    gamma, as lists differ from visitor to visitor (Wang et al. 2018, "Position bias estimation for unbiased learning to
    rank in personal search", section 4.2).

    clicked: [shown] 0 or 1; places: [shown] from 0; columns: [shown, f], standardised, the place not among them.
    Raises ValueError where nothing was clicked.
    """
    if not clicked.any():
        raise ValueError(f"propensities: expected clicks, came none of {len(clicked)} shown items")
    inputs = np.column_stack((columns, np.ones(len(columns))))
    counts = np.bincount(places).astype(np.float64)
    looked = np.full(len(counts), 0.5)
    answer = np.zeros(inputs.shape[1])
    for _ in range(_ROUNDS):
        liked, seen = sigmoid(inputs @ answer), looked[places]
        unexplained = (1.0 - clicked) / np.maximum(1.0 - seen * liked, _SURE)
        was_seen = clicked + unexplained * seen * (1.0 - liked)
        was_liked = clicked + unexplained * liked * (1.0 - seen)
        before = looked
        looked = np.clip(np.bincount(places, was_seen) / np.maximum(counts, 1.0), _SURE, 1.0)
        answer = _regress(inputs, was_liked, answer)
        if np.abs(looked - before).max() < _DONE:
            break
    relative: Doubles = looked / looked[0]
    return relative


def inverse_weights(relative: Doubles, places: NDArray[np.int64], *, clip: float) -> Doubles:
    """What a choice at each place counts: one over the chance of a look, at most `clip` (Joachims et al. 2017)."""
    weights: Doubles = np.minimum(1.0 / np.maximum(relative, _SURE), clip)[places]
    return weights


def _regress(inputs: Doubles, targets: Doubles, answer: Doubles) -> Doubles:
    """A few Newton steps of the logistic regression of targets in 0..1, with a ridge that spares the intercept."""
    ridge = np.full(len(answer), _RIDGE)
    ridge[-1] = _SURE
    for _ in range(_NEWTON_STEPS):
        chances = sigmoid(inputs @ answer)
        gradient = inputs.T @ (chances - targets) + ridge * answer
        curvature = (inputs * (chances * (1.0 - chances))[:, None]).T @ inputs + np.diag(ridge)
        answer = answer - np.linalg.solve(curvature, gradient)
    return answer
