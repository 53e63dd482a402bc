"""What an answer saw of a profile's history, by the rows alone: the newest, an older one, or one that never was."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Seen(StrEnum):
    """Which row an answer was given from.

    NEWEST: the newest of history at that instant, or nothing where history has nothing either.
    LATE: an older one; what history has beyond it was still under way then.
    AHEAD: one with an event dated after the answer, which a join as of the answer would not show.
    REMADE, GONE: one that history no longer has, for it was made anew or the profile was erased.
    STALE: an older one, though the lake had a newer one long before. A defect.
    LOST: one that history never had, though it has its neighbours. A defect.
    """

    NEWEST = "newest"
    LATE = "late"
    AHEAD = "ahead"
    REMADE = "remade"
    GONE = "gone"
    STALE = "stale"
    LOST = "lost"


DEFECTS = (Seen.STALE, Seen.LOST)


@dataclass(frozen=True)
class History:
    """When a profile's rows are of, ascending, and when the lake wrote each; microseconds since 1970 UTC."""

    row_us: Sequence[int] = ()
    created_us: Sequence[int] = ()

    def has(self, row_us: int) -> bool:
        """Whether there is a row of exactly that time."""
        place = bisect_left(self.row_us, row_us)
        return place < len(self.row_us) and self.row_us[place] == row_us


@dataclass(frozen=True)
class Sighting:
    """What was seen, and for how long at least the oldest row not seen had been under way."""

    seen: Seen
    unseen_s: float = 0.0


def sight(history: History, row_us: int, at_us: int, *, stale_us: int) -> Sighting:
    """What an answer at `at_us` saw that was given from the row of `row_us`, 0 for none.

    The lake writes a row after the online store does, so one that it wrote more than `stale_us` before
    the answer should have been online.
    """
    if row_us and not history.has(row_us):
        return Sighting(_absent(history, row_us, at_us + stale_us))
    if row_us > at_us:
        return Sighting(Seen.AHEAD)
    unseen = range(bisect_right(history.row_us, row_us), bisect_right(history.row_us, at_us))
    if not unseen:
        return Sighting(Seen.NEWEST)
    stale = any(history.created_us[place] < at_us - stale_us for place in unseen)
    return Sighting(Seen.STALE if stale else Seen.LATE, (at_us - history.row_us[unseen[0]]) / 1e6)


def _absent(history: History, row_us: int, remade_us: int) -> Seen:
    before = bisect_left(history.row_us, row_us)
    if not before:
        return Seen.GONE
    # The rows before it were there when it was served, unless all of them were written anew since.
    return Seen.REMADE if min(history.created_us[:before]) > remade_us else Seen.LOST
