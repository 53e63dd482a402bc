"""Two profiles become one: counters add, sets unite, the winning word stays."""

from __future__ import annotations

from copy import copy

from features import affinity, bought, cart, decay, fading, recent, searches, seen, sessions, timeline, traits, windows
from features.fold import forget
from features.state import UserState


def merge(into: UserState, other: UserState) -> None:
    """Add `other` to `into`, in place, as if its events had been folded there.

    `other` is left as it was. What either profile withheld stays withheld.
    """
    if other.version == 0:
        return
    withheld_us = max(into.withheld_us, other.withheld_us)
    if into.version and into.event_us <= withheld_us:
        forget(into)
    kept = other.event_us > withheld_us
    newest_us = into.event_us
    _merge_times(into, other)
    into.bot |= other.bot
    into.training = into.training and not into.bot
    into.seen = seen.unite(into.seen, other.seen)
    shifts = fading.shifts(newest_us, into.event_us)
    if any(shifts):
        decay.fade(into.decayed, shifts)
        affinity.fade(into, shifts[2])
    if kept:
        _merge_behaviour(into, other)


def _merge_behaviour(into: UserState, other: UserState) -> None:
    into.training = into.training and other.training
    shifts = fading.shifts(other.event_us, into.event_us)
    decay.add(into.decayed, other.decayed, shifts)
    affinity.merge(into, other, shifts[2])
    windows.add(into.buckets, other.buckets, into.event_us)
    _merge_items(into, other)
    for session in other.sessions:
        sessions.extend(into.sessions, list(session))
    for text, at_us in other.searches.items():
        searches.remember(into, text, at_us)
    for name, word in other.traits.items():
        traits.put(into, name, copy(word))


def _merge_items(into: UserState, other: UserState) -> None:
    marks = other.recent_marks
    for item, action, at_ms in zip(other.recent_items, timeline.actions(marks), timeline.times_ms(marks), strict=True):
        recent.remember(into, item, action, at_ms)
    for item, at_ms in zip(other.bought_items, timeline.times_ms(other.bought_marks), strict=True):
        bought.remember(into, item, at_ms)
    for item, line in other.cart.items():
        cart.put(into, item, list(line))
    cart.settle(into)


def _merge_times(into: UserState, other: UserState) -> None:
    into.first_us = min(into.first_us, other.first_us) if into.version else other.first_us
    into.version += other.version
    into.event_us = max(into.event_us, other.event_us)
    into.row_us = max(into.row_us, other.row_us) + 1
    into.withheld_us = max(into.withheld_us, other.withheld_us)
