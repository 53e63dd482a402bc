"""The newest actions on items, newest first; ties by action and item, so order of arrival is nothing."""

from __future__ import annotations

from features.state import RECENT_KEPT, UserState


def remember(state: UserState, item_id: str, action: int, at_us: int) -> None:
    """Put one action in its place and forget the oldest beyond RECENT_KEPT."""
    times, actions, items = state.recent_us, state.recent_actions, state.recent_items
    place = 0
    for known in times:
        if known < at_us or (known == at_us and (actions[place], items[place]) < (action, item_id)):
            break
        place += 1
    if place >= RECENT_KEPT:
        return
    times.insert(place, at_us)
    actions.insert(place, action)
    items.insert(place, item_id)
    if len(times) > RECENT_KEPT:
        times.pop()
        actions.pop()
        items.pop()
