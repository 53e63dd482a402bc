"""Values of a state at an instant. Online and offline call this and nothing else."""

from __future__ import annotations

from math import exp, log
from typing import Any

from features import affinity, cart, decay, recent, windows
from features.actions import ACTIONS, GROUPS
from features.instant import SECOND_US
from features.sessions import GAP_US
from features.state import UserState

_ACTION_NAMES = tuple(kind.value for kind in ACTIONS)
_NAMES: dict[str, tuple[str, ...]] = {label: tuple(f"{g}_{label}" for g in GROUPS) for label in windows.LABELS}
_DECAYED_NAMES = tuple(tuple(f"{group}_decayed_{label}" for label in decay.HALF_LIVES_US) for group in GROUPS)
_NOTHING = (0.0,) * len(decay.HALF_LIVES_US)
_HOURS_A_DAY = 24


def evaluate(state: UserState, at_us: int) -> dict[str, Any]:
    """The features of `state` as of `at_us`, by the names of `features.values.FEATURES`.

    Values go down as time passes with no event. An instant before the newest event (a clock
    that lags) is taken as that event's.
    """
    at_us = max(at_us, state.event_us)
    values: dict[str, Any] = {
        "events_total": state.version,
        "recency_s": (at_us - state.event_us) / SECOND_US if state.version else 0.0,
        "tenure_s": (at_us - state.first_us) / SECOND_US if state.version else 0.0,
    }
    _evaluate_activity(state, at_us, values)
    _evaluate_taste(state, at_us, values)
    _evaluate_session(state, at_us, values)
    _evaluate_cart(state, at_us, values)
    values["recent_items"] = list(state.recent_items)
    values["recent_actions"] = [_ACTION_NAMES[code] for code in state.recent_actions]
    values["recent_ages_s"] = [(at_us - known) / SECOND_US for known in recent.times_us(state)]
    for name in ("country", "city", "device", "locale"):
        values[name] = str(state.traits[name][0]) if name in state.traits else ""
    return values


def _evaluate_activity(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    totals = windows.totals(state.buckets, at_us)
    for label, row in totals.items():
        values.update(zip(_NAMES[label], row, strict=True))
    for group, names in enumerate(_DECAYED_NAMES):
        counter = state.decayed.get(group)
        values.update(zip(names, _NOTHING if counter is None else decay.values(counter, at_us), strict=True))
    day = sum(totals["24h"])
    values["velocity"] = sum(totals["1h"]) * _HOURS_A_DAY / day if day else 0.0


def _evaluate_taste(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    faded = {
        category: weight * decay.factor(at_us - reference, affinity.HALF_LIFE_US)
        for category, (reference, weight) in state.categories.items()
    }
    total = sum(faded.values())
    ranked = sorted(faded, key=lambda category: (-faded[category], category)) if total > 0 else []
    shares = [faded[category] / total for category in ranked]
    values["categories"] = ranked
    values["category_weights"] = shares
    values["category_entropy"] = max(0.0, -sum(share * log(share) for share in shares if share > 0))
    values["price_level"] = exp(state.prices[2] / state.prices[1]) if state.prices and state.prices[1] > 0 else 0.0


def _evaluate_session(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    active = bool(state.sessions) and at_us - state.sessions[0][1] <= GAP_US
    start, end, events, views, _ = state.sessions[0] if active else (0, 0, 0, 0, 0)
    values["session_active"] = int(active)
    values["session_events"] = events
    values["session_item_views"] = views
    values["session_length_s"] = (end - start) / SECOND_US


def _evaluate_cart(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    held = sorted(((line[0], item) for item, line in state.cart.items() if line[1] == cart.ADDED), reverse=True)
    values["cart_size"] = len(held)
    values["cart_quantity"] = sum(state.cart[item][2] for _, item in held)
    values["cart_age_s"] = (at_us - held[0][0]) / SECOND_US if held else 0.0
    values["cart_items"] = [item for _, item in held]
    values["bought_total"] = len(state.bought)
    values["bought_items"] = sorted(state.bought, key=lambda item: (-state.bought[item], item))
