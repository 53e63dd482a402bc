"""From the values of `evaluate` to the arrays that the user tower reads; training and serving both call this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from math import log1p, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.actions import ACTIONS

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

HISTORY = 100
AGE_BUCKETS = 18
ORDER_BUCKETS = 11
ACTION_BUCKETS = len(ACTIONS) + 1

_ACTION_CODES = {kind.value: code for code, kind in enumerate(ACTIONS, start=1)}
_QUARTER_HOURS_A_SECOND = 1 / 900.0
# Counted on a logarithmic scale: the difference between one and two orders is that between fifty and a hundred.
_COUNTS = ("events_total", "bought_total", "purchase_7d", "purchase_30d", "purchase_decayed_30d", "tenure_s")
_PLAIN = ("category_entropy",)
# The features that `tower_input` reads.
INPUTS = (*_COUNTS, *_PLAIN, "price_level", "recent_items", "recent_actions", "recent_ages_s", "country")
# The dense columns, by the features they are made of.
DENSE = (*_COUNTS, *_PLAIN, "price_level", "no_recent_items")
DENSE_WIDTH = len(DENSE)


@dataclass(frozen=True)
class Vocabulary:
    """The names a model knows. Code 0 of an item and of a country stands for every other name."""

    items: tuple[str, ...]
    countries: tuple[str, ...]

    @cached_property
    def item_codes(self) -> dict[str, int]:
        """Item id to its code, from 1."""
        return {item: code for code, item in enumerate(self.items, start=1)}

    @cached_property
    def country_codes(self) -> dict[str, int]:
        """Country to its code, from 1."""
        return {country: code for code, country in enumerate(self.countries, start=1)}


@dataclass(frozen=True)
class TowerInput:
    """One visitor, or a batch of them with a leading axis.

    items, ages, orders, actions: [HISTORY] int32, newest first, 0 beyond the end; unknown items
    are left out. orders counts moments: 1 for the lines of the newest one, at most ORDER_BUCKETS - 1.
    dense: [DENSE_WIDTH] float32, not yet standardised. country: [] int32.
    """

    items: Ints
    ages: Ints
    orders: Ints
    actions: Ints
    dense: Floats
    country: Ints

    def take(self, rows: NDArray[np.int64] | slice) -> TowerInput:
        """The visitors at `rows` of a batch, in that order; a slice shares memory with these."""
        return TowerInput(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def age_bucket(age_s: float) -> int:
    """Bucket of an age, from 1 (this quarter of an hour) to AGE_BUCKETS - 1: each is 1.84 times as old."""
    return 1 + min(AGE_BUCKETS - 2, int(1.14 * log2(1.0 + max(age_s, 0.0) * _QUARTER_HOURS_A_SECOND)))


def tower_input(values: Mapping[str, Any], vocabulary: Vocabulary) -> TowerInput:
    """The arrays for one visitor's values. Unknown items and countries count as absent."""
    items = np.zeros(HISTORY, np.int32)
    ages = np.zeros(HISTORY, np.int32)
    orders = np.zeros(HISTORY, np.int32)
    actions = np.zeros(HISTORY, np.int32)
    codes = vocabulary.item_codes
    known = [
        (codes[item], age_s, _ACTION_CODES[action])
        for item, action, age_s in zip(
            values["recent_items"], values["recent_actions"], values["recent_ages_s"], strict=True
        )
        if item in codes
    ][:HISTORY]
    if known:
        codes_known, ages_s, actions_known = zip(*known, strict=True)
        items[: len(known)], actions[: len(known)] = codes_known, actions_known
        ages[: len(known)] = [age_bucket(age_s) for age_s in ages_s]
        changes = np.concatenate(([1], np.diff(ages_s) != 0))
        orders[: len(known)] = np.minimum(np.cumsum(changes), ORDER_BUCKETS - 1)
    country = np.asarray(vocabulary.country_codes.get(values["country"], 0), np.int32)
    return TowerInput(items, ages, orders, actions, _dense(values), country)


def _dense(values: Mapping[str, Any]) -> Floats:
    scalars = [log1p(max(values[name], 0.0)) for name in _COUNTS]
    scalars += [float(values[name]) for name in _PLAIN]
    scalars += [log1p(values["price_level"]), float(not values["recent_items"])]
    return np.array(scalars, np.float32)


def stack(inputs: Sequence[TowerInput]) -> TowerInput:
    """A batch of inputs, each array with a leading axis. Raises ValueError where there are none."""
    return TowerInput(
        items=np.stack([one.items for one in inputs]),
        ages=np.stack([one.ages for one in inputs]),
        orders=np.stack([one.orders for one in inputs]),
        actions=np.stack([one.actions for one in inputs]),
        dense=np.stack([one.dense for one in inputs]),
        country=np.stack([one.country for one in inputs]),
    )
