"""The newest actions on items; purchases that no longer fit go on to `features.bought`."""

from __future__ import annotations

from features import bought, timeline
from features.actions import PURCHASE
from features.item_code import ItemCode
from features.state import RECENT_KEPT, UserState
from features.timeline import BITS, MASK


def remember(state: UserState, item: ItemCode, action: int, at_ms: int) -> None:
    """Put one action in its place and let the oldest go beyond RECENT_KEPT."""
    items, marks = state.recent_items, state.recent_marks
    if not marks or at_ms > marks[0] >> BITS:
        where = (0, at_ms)
    elif len(marks) == RECENT_KEPT and at_ms < state.recent_oldest_ms:
        where = (RECENT_KEPT, at_ms)
    else:
        where = timeline.place_of(items, marks, item, action, at_ms)
    if where[0] < RECENT_KEPT:
        timeline.insert(items, marks, item, action, at_ms, where)
        if where[0] == len(marks) - 1:
            state.recent_oldest_ms = at_ms
    elif action == PURCHASE:
        bought.remember(state, item, at_ms)
    if len(marks) > RECENT_KEPT:
        _let_go(state)


def _let_go(state: UserState) -> None:
    mark, item = state.recent_marks.pop(), state.recent_items.pop()
    at_ms = state.recent_oldest_ms
    state.recent_oldest_ms = at_ms + (mark >> BITS)
    if mark & MASK == PURCHASE:
        bought.remember(state, item, at_ms)
