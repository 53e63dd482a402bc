"""Values of a state at an instant. Online and offline call this and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

from features import affinity, bought, cart, decay, fading, searches, timeline, windows
from features.actions import ACTIONS, GROUPS
from features.instant import HOUR_US, SECOND_US
from features.item_code import ids_of
from features.sessions import GAP_US
from features.state import UserState

_ACTION_NAMES = tuple(kind.value for kind in ACTIONS)
_NAMES: dict[str, tuple[str, ...]] = {label: tuple(f"{g}_{label}" for g in GROUPS) for label in windows.LABELS}
_DECAYED_NAMES = tuple(tuple(f"{group}_decayed_{label}" for label in fading.HALF_LIVES_US) for group in GROUPS)
_TRAITS = ("country", "city", "device", "locale")
_HOURS_A_DAY = 24
_DAYS = 30
_MS_US = 1000


def evaluate(state: UserState, at_us: int) -> dict[str, Any]:
    """The features of `state` as of `at_us`, by the names of `features.values.FEATURES`.

    Values go down as time passes with no event. An instant before the newest event (a clock
    that lags) is taken as that event's.
    """
    values = Values(state, at_us)
    values.complete()
    return dict(values)


class Values(dict[str, Any]):
    """The same values, each worked out when it is first asked for: who reads a few of them pays for those."""

    def __init__(self, state: UserState, at_us: int) -> None:
        super().__init__()
        self._state = state
        self._at_us = max(at_us, state.event_us)
        self._due = list(_PARTS)

    def __missing__(self, name: str) -> Any:
        while self._due:
            self._due.pop(0)(self._state, self._at_us, self)
            if name in self:
                return self[name]
        raise KeyError(name)

    def complete(self) -> None:
        """Work out all of them."""
        while self._due:
            self._due.pop(0)(self._state, self._at_us, self)


def _evaluate_profile(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    values["events_total"] = state.version
    values["recency_s"] = (at_us - state.event_us) / SECOND_US if state.version else 0.0
    values["tenure_s"] = (at_us - state.first_us) / SECOND_US if state.version else 0.0
    for name in _TRAITS:
        values[name] = str(state.traits[name].value) if name in state.traits else ""
    values["bot"] = int(state.bot > 0)


def _evaluate_recent(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    values["recent_items"] = ids_of(state.recent_items)
    values["recent_actions"] = [_ACTION_NAMES[code] for code in timeline.actions(state.recent_marks)]
    values["recent_ages_s"] = _ages_s(state, at_us)
    values["search_terms"] = searches.newest(state)


def _evaluate_windows(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    totals = windows.totals(state.buckets, at_us)
    for label, row in totals.items():
        values.update(zip(_NAMES[label], row, strict=True))
    day = sum(totals["24h"])
    values["velocity"] = sum(totals["1h"]) * _HOURS_A_DAY / day if day else 0.0
    values["frequency"] = sum(totals["30d"]) / _DAYS


def _evaluate_activity(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    left = fading.left(at_us, state.event_us)
    for group, names in enumerate(_DECAYED_NAMES):
        values.update(zip(names, decay.values(state.decayed.get(group), left), strict=True))
    values["active_days_30d"] = windows.active_days(state.buckets, at_us)


def _evaluate_taste(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    categories, brands = affinity.shares(state.categories), affinity.shares(state.brands)
    bands = affinity.shares(state.price_bands)
    values["categories"], values["category_weights"] = list(categories), list(categories.values())
    values["category_entropy"] = max(0.0, -sum(share * log(share) for share in categories.values() if share > 0))
    values["brands"], values["brand_weights"] = list(brands), list(brands.values())
    values["price_bands"] = [affinity.band_begin(band) for band in bands]
    values["price_band_weights"] = list(bands.values())
    values["price_level"] = affinity.price_level(state)
    hours = affinity.shares(state.hours)
    values["hours"] = [hours.get(hour, 0.0) for hour in range(_HOURS_A_DAY)]
    values["hour_affinity"] = hours.get(at_us // HOUR_US % _HOURS_A_DAY, 0.0)


def _evaluate_session(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    newest = state.sessions[0] if state.sessions else [0] * 6
    active = bool(state.sessions) and at_us - newest[0] - newest[1] <= GAP_US
    start, length, events, views, purchases, dwelt_ms = newest if active else [0] * 6
    values["session_active"] = int(active)
    values["session_start_s"] = start / SECOND_US
    values["session_length_s"] = length / SECOND_US
    values["session_events"] = events
    values["session_item_views"] = views
    values["session_purchases"] = purchases
    values["session_dwell_s"] = dwelt_ms / 1000
    values["session_bounce"] = int(not active and newest[2] == 1)


def _evaluate_cart(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    held = cart.held(state)
    values["cart_size"] = len(held)
    values["cart_quantity"] = sum(quantity for _, _, quantity in held)
    values["cart_age_s"] = (at_us - held[0][0] * _MS_US) / SECOND_US if held else 0.0
    values["cart_items"] = [item for _, item, _ in held]


def _evaluate_bought(state: UserState, at_us: int, values: dict[str, Any]) -> None:
    newest = {str(item): at_ms for item, at_ms in bought.newest_ms(state).items()}
    values["bought_total"] = len(newest)
    values["bought_items"] = sorted(newest, key=lambda item: (-newest[item], item))


def _ages_s(state: UserState, at_us: int) -> list[float]:
    return [(at_us - known * _MS_US) / SECOND_US for known in timeline.times_ms(state.recent_marks)]


# What rules ask for most comes first.
_PARTS: tuple[Callable[[UserState, int, dict[str, Any]], None], ...] = (
    _evaluate_profile,
    _evaluate_cart,
    _evaluate_bought,
    _evaluate_windows,
    _evaluate_session,
    _evaluate_activity,
    _evaluate_taste,
    _evaluate_recent,
)
