"""The table of a data set: every model's measures with intervals, by slice, and the gain of the best over the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from bench.quality.folds import Fold
from bench.quality.interactions import Interactions
from bench.quality.measures import Measured, activity_slices, item_slices, measure, newcomers
from training.dataset import Ints
from training.metrics import bootstrap_interval

ROUNDS = 1000
_WITH_INTERVAL = ("recall", "ndcg", "mrr")


@dataclass(frozen=True)
class Compared:
    """rows: model -> measure -> value; slices: slice -> model -> NDCG and cases; gain: best over second best.

    newcomers: who -> model -> measure -> value, of cases with little or no history.
    """

    rows: dict[str, dict[str, float]]
    slices: dict[str, dict[str, float]]
    newcomers: dict[str, dict[str, dict[str, float]]]
    gain: dict[str, Any]


def compare(data: Interactions, fold: Fold, lists: Mapping[str, Ints], *, seed: int) -> Compared:
    """Measure every model's lists [cases, k] on one fold. Raises ValueError where lists break the fold's rules."""
    measured = {name: measure(data, fold, ranked) for name, ranked in lists.items()}
    users = fold.users.astype(str)
    rows = {name: _row(one, users, seed) for name, one in measured.items()}
    chosen = activity_slices(fold) | item_slices(data, fold)
    slices = {
        name: {"cases": float(cases.sum())} | {model: one.means(cases)["ndcg"] for model, one in measured.items()}
        for name, cases in chosen.items()
        if cases.any()
    }
    few = {
        f"{name}, {cases.sum()} cases": {model: _where(one, users, cases, seed) for model, one in measured.items()}
        for name, cases in newcomers(fold).items()
        if cases.any()
    }
    return Compared(rows, slices, few, _gain(measured, users, seed))


def _where(one: Measured, users: Any, cases: Any, seed: int) -> dict[str, float]:
    low, high = bootstrap_interval(one.ndcg[cases], users[cases], rounds=ROUNDS, seed=seed)
    means = one.means(cases)
    return {"recall": means["recall"], "ndcg": means["ndcg"], "ndcg_low": low, "ndcg_high": high}


def _row(one: Measured, users: Any, seed: int) -> dict[str, float]:
    row = {name: value for name, value in one.means().items() if not isnan(value)} | {"coverage": one.coverage}
    for name in _WITH_INTERVAL:
        low, high = bootstrap_interval(getattr(one, name), users, rounds=ROUNDS, seed=seed)
        row |= {f"{name}_low": low, f"{name}_high": high}
    return row


def _gain(measured: Mapping[str, Measured], users: Any, seed: int) -> dict[str, Any]:
    """Of the best model by NDCG over the second: the mean of the differences case by case, and their interval."""
    if len(measured) < 2:
        return {}
    first, second = sorted(measured, key=lambda name: -float(np.mean(measured[name].ndcg)))[:2]
    gain: dict[str, Any] = {"best": first, "second": second}
    for name in ("recall", "ndcg"):
        differences = getattr(measured[first], name) - getattr(measured[second], name)
        low, high = bootstrap_interval(differences, users, rounds=ROUNDS, seed=seed)
        gain[name] = {"mean": float(differences.mean()), "low": low, "high": high}
    return gain
