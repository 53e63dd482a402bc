"""The cart: for each item the newest of added, removed and bought decides.

At equal times bought wins over removed and removed over added, so the order of arrival is nothing.
A purchase is remembered where purchases are (`features.bought`) and takes the item's line out. A
line that was removed is kept until an older addition would be late anyway.
"""

from __future__ import annotations

from contracts.event import EventType
from features import bought
from features.item_code import ItemCode
from features.state import CART_KEPT, UserState

ADDED, REMOVED = 0, 1
_BITS = 1

# [time_ms << 1 | kind, quantity]
Line = list[int]


def note(state: UserState, kind: EventType, item: ItemCode, quantity: int, at_ms: int) -> None:
    """Take in an addition or a removal."""
    if bought_ms(state, item) < at_ms:
        put(state, item, [at_ms << _BITS | (REMOVED if kind is EventType.REMOVE_FROM_CART else ADDED), quantity])


def bought_ms(state: UserState, item: ItemCode) -> int:
    """When the item was last bought; before all times where it is not known to have been."""
    if item not in state.recent_items and item not in state.bought_items:
        return -1
    return bought.newest_ms(state).get(item, -1)


def put(state: UserState, item: ItemCode, line: Line) -> None:
    """Let a line stand for its item if it is newer; the oldest lines beyond CART_KEPT go."""
    cart = state.cart
    known = cart.get(item)
    if known is None or known < line:
        cart[item] = line
    if len(cart) > CART_KEPT:
        del cart[min(cart, key=lambda each: (cart[each], str(each)))]


def buy(state: UserState, item: ItemCode, at_ms: int) -> None:
    """Take a bought item out."""
    line = state.cart.get(item)
    if line is not None and line[0] >> _BITS <= at_ms:
        del state.cart[item]


def settle(state: UserState) -> None:
    """Take out what is known to have been bought since."""
    if state.cart:
        for item, at_ms in bought.newest_ms(state).items():
            buy(state, item, at_ms)


def forget_gone(state: UserState, before_ms: int) -> None:
    """Drop the lines removed before `before_ms`."""
    gone = [item for item, line in state.cart.items() if line[0] >> _BITS < before_ms and line[0] & 1 == REMOVED]
    for item in gone:
        del state.cart[item]


def held(state: UserState) -> list[tuple[int, str, int]]:
    """`(added_ms, item_id, quantity)` of what is in the cart, newest first."""
    lines = [(line[0] >> _BITS, str(item), line[1]) for item, line in state.cart.items() if line[0] & 1 == ADDED]
    return sorted(lines, reverse=True)
