"""The cart: for each item the newest of added, removed and bought decides.

At equal times bought wins over removed and removed over added, so the order of arrival is nothing.
A line that is no longer in the cart is kept until an older addition would be late anyway.
"""

from __future__ import annotations

from contracts.event import EventType
from features.state import CART_KEPT, UserState

ADDED, REMOVED, BOUGHT = 0, 1, 2
_KINDS = {
    EventType.ADD_TO_CART: ADDED,
    EventType.REMOVE_FROM_CART: REMOVED,
    EventType.PURCHASE: BOUGHT,
}
CART_EVENTS = frozenset(_KINDS)


def note(state: UserState, kind: EventType, item_id: str, quantity: int, at_us: int) -> None:
    """Take one cart event in."""
    put(state.cart, item_id, [at_us, _KINDS[kind], quantity])


def forget_gone(state: UserState, before_us: int) -> None:
    """Drop the lines removed or bought before `before_us`."""
    gone = [item for item, line in state.cart.items() if line[0] < before_us and line[1] != ADDED]
    for item in gone:
        del state.cart[item]


def put(cart: dict[str, list[int]], item_id: str, line: list[int]) -> None:
    """Let a line stand for its item if it is newer; the oldest lines beyond CART_KEPT go."""
    known = cart.get(item_id)
    if known is None or known < line:
        cart[item_id] = line
    if len(cart) > CART_KEPT:
        del cart[min(cart, key=lambda item: (cart[item], item))]
