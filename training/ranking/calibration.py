"""From a ranker's logit to a chance, and how near chances come to what happened."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_STEPS = 50
_DONE = 1e-10
_RIDGE = 1e-9


def platt(logits: Doubles, chosen: Doubles) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of `chosen` on `logits`, both [n] (Platt 1999).

    The targets are Platt's, (n+ + 1) / (n+ + 2) and 1 / (n- + 2), so that separable data stay finite; fitted by
    Newton's method (Lin, Lin and Weng 2007). Raises ValueError where all were chosen or none.
    """
    positives = float(chosen.sum())
    negatives = len(chosen) - positives
    if not positives or not negatives:
        raise ValueError(f"calibration: expected some chosen and some not, came {positives:g} of {len(chosen)}")
    targets = np.where(chosen > 0, (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0))
    inputs = np.stack((logits, np.ones_like(logits)), axis=1)
    answer = np.array([0.0, np.log((positives + 1.0) / (negatives + 1.0))])
    loss = _loss(inputs @ answer, targets)
    for _ in range(_STEPS):
        chances = sigmoid(inputs @ answer)
        gradient = inputs.T @ (chances - targets)
        curvature = (inputs * (chances * (1.0 - chances))[:, None]).T @ inputs + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while _loss(inputs @ (answer - step), targets) > loss and np.abs(step).max() > _DONE:
            step /= 2.0
        answer -= step
        loss = _loss(inputs @ answer, targets)
        if np.abs(step).max() <= _DONE:
            break
    return float(answer[0]), float(answer[1])


def expected_calibration_error(chances: Doubles, chosen: Doubles, *, bins: int = 10) -> float:
    """Mean distance between chance and frequency over `bins` equally filled bins (Naeini et al. 2015).

    Equally filled, for nearly all chances are small.
    """
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(chances[part].mean() - chosen[part].mean()) for part in parts) / len(chances))


def log_loss(chances: Doubles, chosen: Doubles) -> float:
    """Mean of -log of the chance that was given to what happened, in nats."""
    return float(-np.mean(np.where(chosen > 0, np.log(chances), np.log1p(-chances))))


def _loss(logits: Doubles, targets: Doubles) -> float:
    return float(np.sum(np.logaddexp(0.0, logits) - targets * logits))


def sigmoid(logits: Doubles) -> Doubles:
    """1 / (1 + exp(-logits)), without overflow."""
    chances: Doubles = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return chances
