"""Affinities: fading weights of categories, brands, price bands and hours of the day.

All halve every 30 days and are stored as of one landmark (see `features.fading`), so that they
compare as they are.
"""

from __future__ import annotations

from math import exp, log
from typing import TypeVar

from features.facts import ItemFacts
from features.state import BRANDS_KEPT, CATEGORIES_KEPT, UserState

_LEAST_PRICE = 0.01

Key = TypeVar("Key", str, int)


def price_band(price: float) -> int:
    """The band of a price: each begins at twice the price at which the one before began, band 0 at nothing.

    Band 1 begins at 0.02, band 7 at 1.28, band 10 at 10.24: the binary digits of the price in
    hundredths, less one.
    """
    return max(0, round(price * 100).bit_length() - 1)


def band_begin(band: int) -> float:
    """The lowest price of a band, 0 of the lowest."""
    return (1 << band) / 100 if band else 0.0


def like(state: UserState, item: ItemFacts, units: int) -> None:
    """Take in an action on an item, worth `units`; beyond what is kept the least liked goes."""
    category, brand, price = item
    if category is not None:
        weights = state.categories
        weights[category] = weights.get(category, 0) + units
        if len(weights) > CATEGORIES_KEPT:
            keep_most(weights, CATEGORIES_KEPT)
    if brand is not None:
        weights = state.brands
        weights[brand] = weights.get(brand, 0) + units
        if len(weights) > BRANDS_KEPT:
            keep_most(weights, BRANDS_KEPT)
    if price is not None:
        bands, band = state.price_bands, price_band(price)
        bands[band] = bands.get(band, 0) + units
        state.price_logs += round(units * log(price if price > _LEAST_PRICE else _LEAST_PRICE))


def keep_most(weights: dict[str, int], kept: int) -> None:
    """Drop those that weigh least, ties by name, until `kept` are left."""
    while len(weights) > kept:
        del weights[min(weights, key=lambda name: (weights[name], name))]


def fade(state: UserState, shift: int) -> None:
    """Halve all affinities `shift` times; forget those of which nothing is left."""
    state.categories = _faded(state.categories, shift)
    state.brands = _faded(state.brands, shift)
    state.price_bands = _faded(state.price_bands, shift)
    state.price_logs >>= shift
    state.hours = _faded(state.hours, shift)


def merge(state: UserState, other: UserState, shift: int) -> None:
    """Add the other's affinities, halved `shift` times."""
    for mine, theirs in ((state.categories, other.categories), (state.brands, other.brands)):
        for name, weight in _faded(theirs, shift).items():
            _add(mine, name, weight)
    for numbers, more in ((state.price_bands, other.price_bands), (state.hours, other.hours)):
        for number, weight in _faded(more, shift).items():
            _add(numbers, number, weight)
    state.price_logs += other.price_logs >> shift
    keep_most(state.categories, CATEGORIES_KEPT)
    keep_most(state.brands, BRANDS_KEPT)


def shares(weights: dict[Key, int]) -> dict[Key, float]:
    """Each one's share of the whole, the strongest first, ties by name."""
    total = sum(weights.values())
    ranked = sorted(weights, key=lambda key: (-weights[key], key))
    return {key: weights[key] / total for key in ranked} if total > 0 else {}


def price_level(state: UserState) -> float:
    """Geometric mean of prices by weight; 0 where none is known."""
    mass = sum(state.price_bands.values())
    return exp(state.price_logs / mass) if mass > 0 else 0.0


def _add(weights: dict[Key, int], key: Key, weight: int) -> None:
    weights[key] = weights.get(key, 0) + weight


def _faded(weights: dict[Key, int], shift: int) -> dict[Key, int]:
    return {key: weight >> shift for key, weight in weights.items() if weight >> shift}
