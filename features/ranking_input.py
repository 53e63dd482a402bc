"""From a visitor's values and their candidates to the columns that the ranker reads; training and serving call this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, log1p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.actions import ACTION_WEIGHTS
from features.affinity import price_band
from features.ranking_items import HALF_LIVES_DAYS, ItemTable

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

_DAY_S = 86_400.0
# The visitor's newest doings: actions within half an hour of the newest one.
_SESSION_S = 1800.0
# Halves a history line's say: the item-kNN's, chosen on validation.
_KNN_HALF_LIFE_DAYS = 20.0
_LEAST = 1e-4
_NEVER_DAYS = 400.0
_COUNTS = ("events_total", "bought_total", "recency_s", "tenure_s", "session_events")
_PLAIN = ("category_entropy", "hour_affinity")
# The features that `ranking_input` reads.
RANKING_VALUES = (
    *_COUNTS, *_PLAIN, "price_level", "recent_items", "recent_actions", "recent_ages_s", "categories",
    "category_weights", "brands", "brand_weights", "price_bands", "price_band_weights",
)  # fmt: skip

_RETRIEVAL = ("score_gap", "score_share", "rank")
_TOGETHER = ("together", "together_rank", "together_newest", "together_best")
_SALES = tuple(f"{name}_{days:g}d" for name in ("sold", "discovered") for days in HALF_LIVES_DAYS)
_TRENDS = ("trend", "repeated", "on_sale")
_TASTE = ("price", "price_distance", "price_band_share", "category_share", "brand_share")
_RECENCY = ("seen_age", "seen_weight", "category_age", "category_newest")
_VISITOR = tuple(f"visitor_{name}" for name in (*_COUNTS, *_PLAIN, "price_level"))
COLUMNS = (*_RETRIEVAL, *_TOGETHER, *_SALES, *_TRENDS, *_TASTE, *_RECENCY, *_VISITOR)
# The column that says what retrieval thought of a candidate, as the logarithm of a share.
SHARE = COLUMNS.index("score_share")


class Candidates(NamedTuple):
    """What retrieval found for one visitor, best first: rows of items [n] int32, and their scores [n] float32."""

    rows: Ints
    scores: Floats


def ranking_input(values: Mapping[str, Any], candidates: Candidates, items: ItemTable) -> Floats:
    """[n, len(COLUMNS)] float32, not yet standardised. A column that nothing is known of is constant."""
    history = _History.of(values, items)
    rows = candidates.rows
    return np.column_stack(
        (
            *_retrieval(candidates),
            *_together(history, rows, items),
            *_sales(rows, items),
            *_taste(values, rows, items),
            *_recency(history, rows, items),
            *(np.full(len(rows), value, np.float32) for value in _visitor(values)),
        )
    ).astype(np.float32)


class _History(NamedTuple):
    """Known items of the recent actions, newest first: rows, age in days, and what the action is worth."""

    rows: Ints
    days: Floats
    weights: Floats

    @classmethod
    def of(cls, values: Mapping[str, Any], items: ItemTable) -> _History:
        lines = zip(values["recent_items"], values["recent_ages_s"], values["recent_actions"], strict=True)
        known = [(items.rows[item], age_s, _WORTH[action]) for item, age_s, action in lines if item in items.rows]
        rows, ages, weights = zip(*known, strict=True) if known else ((), (), ())
        return cls(
            np.array(rows, np.int32), np.array(ages, np.float32) / np.float32(_DAY_S), np.array(weights, np.float32)
        )

    @property
    def newest(self) -> int:
        """Lines within half an hour of the newest one."""
        return (
            int(np.searchsorted(self.days, self.days[0] + _SESSION_S / _DAY_S, side="right")) if len(self.days) else 0
        )


_WORTH = {kind.value: float(weight) for kind, weight in ACTION_WEIGHTS.items()}


def _retrieval(candidates: Candidates) -> Sequence[Floats]:
    """How far behind the best; the logarithms of the share in a softmax over the candidates, and of the place."""
    gap = candidates.scores - candidates.scores.max(initial=-np.inf)
    share = gap - np.log(np.exp(gap).sum())
    return gap, share, np.log1p(np.arange(len(gap), dtype=np.float32))


def _together(history: _History, rows: Ints, items: ItemTable) -> Sequence[Floats]:
    """What is bought together with the history: item-kNN's score and its place, that of the newest lines alone, and
    that of the most similar line.
    """
    weights = np.exp2((history.days[:1] - history.days) / np.float32(_KNN_HALF_LIFE_DAYS))
    everything = _neighbours(history.rows, weights, items)[rows]
    newest = _neighbours(history.rows[: history.newest], weights[: history.newest], items)[rows]
    order = np.argsort(-everything, kind="stable")
    places = np.empty(len(rows), np.float32)
    places[order] = np.arange(len(rows), dtype=np.float32)
    best = np.zeros(len(items), np.float32)
    if len(history.rows):
        near, similarity = items.statistics.neighbours[history.rows], items.statistics.similarity[history.rows]
        # Flat: ten times as fast as with two axes.
        np.maximum.at(best, near.ravel(), similarity.ravel())
    return _scaled(everything), np.log1p(places), _scaled(newest), _scaled(best[rows])


def _neighbours(history: Ints, weights: Floats, items: ItemTable) -> Floats:
    statistics = items.statistics
    scores = np.bincount(
        statistics.neighbours[history].ravel(),
        (statistics.similarity[history] * weights[:, None]).ravel(),
        minlength=len(items),
    )
    return scores.astype(np.float32)


def _scaled(scores: Floats) -> Floats:
    scaled: Floats = np.log(scores + np.float32(_LEAST))
    return scaled


def _sales(rows: Ints, items: ItemTable) -> Sequence[Floats]:
    sold, discovered = items.statistics.sold[rows], items.statistics.discovered[rows]
    return (
        *sold.T,
        *discovered.T,
        sold[:, 0] - sold[:, -1],
        sold[:, -1] - discovered[:, -1],
        np.log1p(items.statistics.on_sale_days[rows]),
    )


def _taste(values: Mapping[str, Any], rows: Ints, items: ItemTable) -> Sequence[Floats]:
    prices, level = items.log_prices[rows], values["price_level"]
    distance = np.abs(prices - np.float32(log(level))) if level > 0 else np.zeros(len(rows), np.float32)
    bands = {
        price_band(begin): share
        for begin, share in zip(values["price_bands"], values["price_band_weights"], strict=True)
    }
    categories = _shares(values["categories"], values["category_weights"], items.category_codes)
    brands = _shares(values["brands"], values["brand_weights"], items.brand_codes)
    band_shares = np.zeros(max(64, int(items.bands.max(initial=0)) + 1), np.float32)
    for band, share in bands.items():
        band_shares[band] = share
    return (
        prices,
        distance,
        band_shares[items.bands[rows]],
        categories[items.categories[rows]],
        brands[items.brands[rows]],
    )


def _shares(names: Sequence[str], weights: Sequence[float], codes: Mapping[str, int]) -> Floats:
    shares = np.zeros(len(codes), np.float32)
    for name, weight in zip(names, weights, strict=True):
        if name in codes:
            shares[codes[name]] = weight
    return shares


def _recency(history: _History, rows: Ints, items: ItemTable) -> Sequence[Floats]:
    """Age and worth of what was done with the item itself, age of the category, its share in the newest lines."""
    seen = np.full(len(items), _NEVER_DAYS, np.float32)
    worth = np.zeros(len(items), np.float32)
    category_age = np.full(len(items.category_codes), _NEVER_DAYS, np.float32)
    # Oldest first, so that the newest stays.
    seen[history.rows[::-1]] = history.days[::-1]
    np.add.at(worth, history.rows, history.weights)
    lines = items.categories[history.rows]
    category_age[lines[::-1]] = history.days[::-1]
    newest = np.bincount(lines[: history.newest], minlength=len(category_age)) / max(history.newest, 1)
    own = items.categories[rows]
    return np.log1p(seen[rows]), np.log1p(worth[rows]), np.log1p(category_age[own]), newest[own].astype(np.float32)


def _visitor(values: Mapping[str, Any]) -> Sequence[float]:
    return (
        *(log1p(max(values[name], 0.0)) for name in _COUNTS),
        *(float(values[name]) for name in _PLAIN),
        log1p(values["price_level"]),
    )
