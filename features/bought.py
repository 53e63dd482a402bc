"""What was bought: the purchases among the recent actions, and older ones as far as remembered."""

from __future__ import annotations

from features import timeline
from features.actions import PURCHASE
from features.item_code import ItemCode
from features.state import BOUGHT_KEPT, UserState
from features.timeline import BITS, MASK


def remember(state: UserState, item: ItemCode, at_ms: int) -> None:
    """Take in a purchase that is not among the recent actions; the oldest go beyond BOUGHT_KEPT."""
    items, marks = state.bought_items, state.bought_marks
    if item in items:
        place = items.index(item)
        if timeline.times_ms(marks)[place] >= at_ms:
            return
        timeline.remove(items, marks, place)
    if not marks or at_ms > marks[0] >> BITS:
        where = (0, at_ms)
    else:
        where = timeline.place_of(items, marks, item, PURCHASE, at_ms)
    timeline.insert(items, marks, item, PURCHASE, at_ms, where)
    if len(marks) > BOUGHT_KEPT:
        marks.pop()
        items.pop()


def newest_ms(state: UserState) -> dict[ItemCode, int]:
    """Every item known to have been bought, and when last."""
    recent = zip(state.recent_items, state.recent_marks, timeline.times_ms(state.recent_marks), strict=True)
    found: dict[ItemCode, int] = {}
    for item, mark, at_ms in recent:
        if mark & MASK == PURCHASE:
            found.setdefault(item, at_ms)
    for item, at_ms in zip(state.bought_items, timeline.times_ms(state.bought_marks), strict=True):
        found.setdefault(item, at_ms)
    return found
