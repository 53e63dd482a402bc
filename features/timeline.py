"""Lists of actions on items, newest first, each a code in one list and a mark in another.

A mark packs how long before the one above it an action was, in milliseconds, with the action:
`gap_ms << 3 | action`; the first packs its time since 1970 so. Zeros for the lines of one
purchase make small numbers. Times round down to the millisecond before anything is compared;
ties stand by action and item id, the greater first, so that order of arrival is nothing.
"""

from __future__ import annotations

from itertools import accumulate
from operator import sub

from features.item_code import ItemCode

BITS = 3
MASK = (1 << BITS) - 1


def times_ms(marks: list[int]) -> list[int]:
    """When each action was, in milliseconds since 1970."""
    return list(accumulate([mark >> BITS for mark in marks], sub))


def actions(marks: list[int]) -> list[int]:
    """The actions' codes."""
    return [mark & MASK for mark in marks]


def place_of(items: list[ItemCode], marks: list[int], item: ItemCode, action: int, at_ms: int) -> tuple[int, int]:
    """`(place, newer_ms)`: where an action belongs, and the time of the one above that place."""
    newer = at_ms
    known = 0
    for place, mark in enumerate(marks):
        known = mark >> BITS if place == 0 else known - (mark >> BITS)
        if known < at_ms:
            return place, newer
        if known == at_ms and _before(mark & MASK, items[place], action, item):
            return place, newer
        newer = known
    return len(marks), newer


def insert(
    items: list[ItemCode], marks: list[int], item: ItemCode, action: int, at_ms: int, where: tuple[int, int]
) -> None:
    """Put an action at the place that `place_of` gave."""
    place, newer = where
    if place == 0:
        if marks:
            marks[0] = (at_ms - (marks[0] >> BITS)) << BITS | marks[0] & MASK
        marks.insert(0, at_ms << BITS | action)
    else:
        gap = newer - at_ms
        if place < len(marks):
            marks[place] -= gap << BITS
        marks.insert(place, gap << BITS | action)
    items.insert(place, item)


def remove(items: list[ItemCode], marks: list[int], place: int) -> None:
    """Take an action out."""
    mark = marks.pop(place)
    del items[place]
    if place < len(marks):
        gap = mark >> BITS
        below = marks[place] >> BITS
        moved = gap - below if place == 0 else gap + below
        marks[place] = moved << BITS | marks[place] & MASK


def _before(action: int, item: ItemCode, than_action: int, than_item: ItemCode) -> bool:
    """Whether a tie's one side is the lesser."""
    return action < than_action or (action == than_action and str(item) < str(than_item))
