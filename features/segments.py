"""Segments: named rules over a profile's values. A profile is in every segment whose rule holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]
Rule = Callable[[Values], bool]

_DAY_S = 86_400
_HOUR_S = 3_600

RULES: dict[str, Rule] = {
    "new": lambda values: values["tenure_s"] < _DAY_S,
    "returning": lambda values: values["tenure_s"] >= _DAY_S and values["recency_s"] < 30 * _DAY_S,
    "dormant": lambda values: values["recency_s"] >= 30 * _DAY_S,
    "buyer": lambda values: values["bought_total"] > 0,
    "regular_buyer": lambda values: values["bought_total"] >= 10 and values["purchase_30d"] > 0,
    "window_shopper": lambda values: values["item_view_30d"] >= 10 and values["purchase_30d"] == 0,
    "cart_abandoner": lambda values: values["cart_size"] > 0 and values["cart_age_s"] >= _HOUR_S,
}


def segments(values: Values) -> list[str]:
    """Names of the segments that a profile with these values is in, in the order of RULES."""
    return [name for name, holds in RULES.items() if holds(values)]
