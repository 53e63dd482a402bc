"""Which events count as what: the groups that are counted, and what an action is worth."""

from __future__ import annotations

from contracts.event import EventType

# A group's position is its code in stored states: append, never reorder.
GROUPS: tuple[str, ...] = (
    "page_view",
    "item_view",
    "click",
    "search",
    "add_to_cart",
    "purchase",
    "like",
    "impression",
    "other",
)

GROUP_CODES: dict[str, int] = {name: code for code, name in enumerate(GROUPS)}

_OTHER = GROUP_CODES["other"]
GROUP_OF: dict[EventType, int] = {kind: GROUP_CODES.get(kind.value, _OTHER) for kind in EventType}

# What an action on an item says about the visitor's taste, in views. An action that is
# not listed says nothing and does not enter the recent items.
ACTION_WEIGHTS: dict[EventType, int] = {
    EventType.ITEM_VIEW: 1,
    EventType.CLICK: 1,
    EventType.LIKE: 3,
    EventType.SHARE: 3,
    EventType.ADD_TO_CART: 3,
    EventType.PURCHASE: 5,
}

# Codes of recent actions in stored states: append, never reorder.
ACTIONS: tuple[EventType, ...] = tuple(ACTION_WEIGHTS)
ACTION_CODES: dict[EventType, int] = {kind: code for code, kind in enumerate(ACTIONS)}
PURCHASE = ACTION_CODES[EventType.PURCHASE]
