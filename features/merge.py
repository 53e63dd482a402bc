"""Two profiles become one: counters add, sets unite, the newest word wins."""

from __future__ import annotations

from features import affinity, cart, decay, recent, seen, sessions, traits, windows
from features.fold import forget, note_bought
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
    _merge_times(into, other)
    into.seen = seen.unite(into.seen, other.seen)
    if kept:
        _merge_behaviour(into, other)


def _merge_behaviour(into: UserState, other: UserState) -> None:
    into.training = into.training and other.training
    for group, counter in other.decayed.items():
        known = into.decayed.get(group)
        into.decayed[group] = list(counter) if known is None else decay.add(known, counter)
    windows.add(into.buckets, other.buckets, into.event_us)
    for item_id, action, at_us in zip(other.recent_items, other.recent_actions, recent.times_us(other), strict=True):
        recent.remember(into, item_id, action, at_us)
    affinity.merge(into, other)
    for session in other.sessions:
        sessions.extend(into.sessions, list(session))
    for item_id, line in other.cart.items():
        cart.put(into.cart, item_id, list(line))
    for item_id, day in other.bought.items():
        note_bought(into, item_id, day)
    for name, (value, at_us) in other.traits.items():
        traits.put(into, name, value, at_us)


def _merge_times(into: UserState, other: UserState) -> None:
    into.first_us = min(into.first_us, other.first_us) if into.version else other.first_us
    into.version += other.version
    into.event_us = max(into.event_us, other.event_us)
    into.row_us = max(into.row_us, other.row_us) + 1
    into.withheld_us = max(into.withheld_us, other.withheld_us)
