"""The newest actions on items, newest first; ties by action and item, so order of arrival is nothing.

Times are stored as the newest one and then how much older each next one is: small numbers, and
zeros for the lines of one purchase.
"""

from __future__ import annotations

from itertools import accumulate
from operator import sub

from features.state import RECENT_KEPT, UserState


def remember(state: UserState, item_id: str, action: int, at_us: int) -> None:
    """Put one action in its place and forget the oldest beyond RECENT_KEPT."""
    gaps, actions, items = state.recent_us, state.recent_actions, state.recent_items
    place, newer = 0, at_us
    for known in accumulate(gaps, sub):
        if known < at_us or (known == at_us and (actions[place], items[place]) < (action, item_id)):
            break
        place, newer = place + 1, known
    if place >= RECENT_KEPT:
        return
    if place < len(gaps):
        gaps[place] = at_us - known
    gaps.insert(place, newer - at_us if place else at_us)
    actions.insert(place, action)
    items.insert(place, item_id)
    if len(gaps) > RECENT_KEPT:
        gaps.pop()
        actions.pop()
        items.pop()


def times_us(state: UserState) -> list[int]:
    """When each recent action was, newest first."""
    return list(accumulate(state.recent_us, sub))
