"""Popularity up to the very instant of a case, of all or of people in the same context: what a stream of events knows.

The libraries' popularity ends where the fit ends; a model that follows trends has to stand beside one that does, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bench.quality.exchange import OpponentLists
from bench.quality.folds import DAY_S, Fold
from bench.quality.interactions import Floats, Interactions, Longs
from bench.quality.own import best
from training.dataset import Ints
from training.metrics import ndcg

SO_FAR, BY_CONTEXT = "popularity, up to the case", "popularity, by context"
_HALF_LIVES_DAYS = (0.1, 0.2, 0.4, 1.0, 3.0, 7.0, 14.0, 30.0)
# What an event in another context weighs.
_OTHERS = (0.01, 0.1, 0.3)
# Half-lives after which an event is let go.
_HORIZON = 10.0
Settings = Mapping[str, Any]


def popular_opponents(data: Interactions, tuning: Fold, final: Fold, *, k: int) -> dict[str, OpponentLists]:
    """Those that the data set allows: the first needs times, the second attributes or contexts."""
    half_lives = [None] if data.at_s is None else list(_HALF_LIVES_DAYS)
    grids: dict[str, list[Settings]] = {SO_FAR: [{"half_life_days": one} for one in half_lives if one]}
    columns = _columns(data)
    grids[BY_CONTEXT] = [
        {"half_life_days": one, "same": column, "others": others}
        for one in half_lives
        for column in columns
        for others in _OTHERS
    ]
    return {name: _tuned(data, tuning, final, grid, k) for name, grid in grids.items() if grid}


def _tuned(data: Interactions, tuning: Fold, final: Fold, grid: list[Settings], k: int) -> OpponentLists:
    begin_s = time.perf_counter()
    relevant = [tuning.relevant[case] for case in range(len(tuning))]
    tried: list[dict[str, Any]] = [
        {"fit": {}, "score": one, "ndcg": float(ndcg(popular(data, tuning, one, k=k), relevant).mean())} for one in grid
    ]
    tried.sort(key=lambda row: -float(row["ndcg"]))
    lists = popular(data, final, tried[0]["score"], k=k)
    seconds = round(time.perf_counter() - begin_s, 1)
    return OpponentLists(lists, {"library": "own", "chosen": tried[0], "seconds": seconds, "tried": tried})


def popular(data: Interactions, fold: Fold, settings: Settings, *, k: int) -> Ints:
    """Lists [cases, k]: events before a case's instant, halving with age, those of another context weighing less.

    Without times the fold's events count, all the same.
    """
    scored = _in_the_fit(data, fold, settings) if data.at_s is None else _before_each(data, data.at_s, fold, settings)
    return np.concatenate([best(data, fold, scores[None], case, k=k) for case, scores in enumerate(scored)])


def _before_each(data: Interactions, at_s: Longs, fold: Fold, settings: Settings) -> Iterator[Floats]:
    column = _columns(data).get(settings.get("same", ""))
    half_life_s = settings["half_life_days"] * DAY_S
    order = np.argsort(at_s, kind="stable")
    items, instants = data.items[order], at_s[order]
    for end in fold.ends.tolist():
        recent = slice(*np.searchsorted(instants, (at_s[end] - int(_HORIZON * half_life_s), at_s[end])))
        weights = np.exp2((instants[recent] - at_s[end]) / half_life_s)
        if column is not None:
            weights[column[order[recent]] != column[end]] *= settings["others"]
        yield np.bincount(items[recent], weights, minlength=data.item_count).astype(np.float32)


def _in_the_fit(data: Interactions, fold: Fold, settings: Settings) -> Iterator[Floats]:
    column = _columns(data)[settings["same"]]
    items, values = data.items[fold.fit], column[fold.fit]
    everywhere = np.bincount(items, minlength=data.item_count)
    by_value = {
        value: np.bincount(items[values == value], minlength=data.item_count) for value in np.unique(column).tolist()
    }
    for end in fold.ends.tolist():
        same = by_value[int(column[end])]
        yield (same + settings["others"] * (everywhere - same)).astype(np.float32)


def _columns(data: Interactions) -> dict[str, Ints]:
    """[events] each: what tells one context from another."""
    attributes = data.attributes[data.users]
    columns = {f"attribute {place}": attributes[:, place] for place in range(attributes.shape[1])}
    return columns | {f"context {place}": data.contexts[:, place] for place in range(data.contexts.shape[1])}
