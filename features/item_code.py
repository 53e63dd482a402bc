"""Item ids as states hold them: one that is a number stands as a number, in half the bytes."""

from __future__ import annotations

ItemCode = int | str

_LONGEST = 18


def code_of(item_id: str) -> ItemCode:
    """The id, as an integer where that gives back the same text."""
    if item_id.isdigit() and item_id.isascii() and len(item_id) <= _LONGEST and (item_id[0] != "0" or item_id == "0"):
        return int(item_id)
    return item_id


def ids_of(codes: list[ItemCode]) -> list[str]:
    """The ids that the codes stand for."""
    return list(map(str, codes))
