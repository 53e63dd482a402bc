"""Affinities: weights by category and the level of price, both fading with one half-life."""

from __future__ import annotations

from math import log

from features.decay import factor
from features.instant import DAY_US
from features.state import CATEGORIES_KEPT, UserState

HALF_LIFE_US = 30 * DAY_US
_LEAST_PRICE = 0.01


def like_category(state: UserState, category: str, weight: float, at_us: int) -> None:
    """Add `weight` to a category; beyond CATEGORIES_KEPT the least liked one goes."""
    state.categories[category] = _added(state.categories.get(category), [weight], at_us)
    if len(state.categories) > CATEGORIES_KEPT:
        forget_least(state)


def like_price(state: UserState, price: float, weight: float, at_us: int) -> None:
    """Add a price, in the logarithm, with `weight`."""
    amounts = [weight, weight * log(max(price, _LEAST_PRICE))]
    state.prices = _added(state.prices or None, amounts, at_us)


def merge(state: UserState, other: UserState) -> None:
    """Add the other's affinities."""
    for category, entry in other.categories.items():
        state.categories[category] = _added(state.categories.get(category), entry[1:], entry[0])
    while len(state.categories) > CATEGORIES_KEPT:
        forget_least(state)
    if other.prices:
        state.prices = _added(state.prices or None, other.prices[1:], other.prices[0])


def forget_least(state: UserState) -> None:
    """Drop the category that weighs least by now; ties by name."""
    newest = max(entry[0] for entry in state.categories.values())

    def weight(category: str) -> tuple[float, str]:
        reference, value = state.categories[category]
        return value * factor(newest - reference, HALF_LIFE_US), category

    del state.categories[min(state.categories, key=weight)]


def _added(entry: list[float] | None, amounts: list[float], at_us: float) -> list[float]:
    """`[reference_us, *sums]` with `amounts` of time `at_us` added."""
    if entry is None:
        return [float(at_us), *amounts]
    elapsed = at_us - entry[0]
    if elapsed >= 0:
        kept = factor(elapsed, HALF_LIFE_US)
        return [float(at_us), *(old * kept + new for old, new in zip(entry[1:], amounts, strict=True))]
    kept = factor(-elapsed, HALF_LIFE_US)
    return [entry[0], *(old + new * kept for old, new in zip(entry[1:], amounts, strict=True))]
