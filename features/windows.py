"""Counts over sliding windows, from buckets of event time.

A window of n buckets at an instant holds the events of the instant's bucket and of the n-1
before it, so "the last hour" reaches back between 55 and 60 minutes, and an event that comes
late lands in its own bucket. Buckets are aligned to 1970 UTC: a daylight-saving change or a
leap day alters nothing.

A stored bucket is one entry `index * STRIDE + group -> count`.
"""

from __future__ import annotations

from dataclasses import dataclass

from features.actions import GROUPS
from features.instant import DAY_US, HOUR_US, MINUTE_US

STRIDE = 16
Buckets = dict[int, int]


@dataclass(frozen=True)
class Resolution:
    """Buckets of `size_us`, kept for `span` buckets, counted over windows of (label, buckets)."""

    size_us: int
    span: int
    windows: tuple[tuple[str, int], ...]


RESOLUTIONS: tuple[Resolution, ...] = (
    Resolution(5 * MINUTE_US, 12, (("1h", 12),)),
    Resolution(HOUR_US, 24, (("24h", 24),)),
    Resolution(DAY_US, 30, (("7d", 7), ("30d", 30))),
)
LONGEST_US = max(resolution.size_us * resolution.span for resolution in RESOLUTIONS)
_SHAPES = tuple((resolution.size_us, resolution.span) for resolution in RESOLUTIONS)
LABELS: tuple[str, ...] = tuple(label for resolution in RESOLUTIONS for label, _ in resolution.windows)


def count(buckets: list[Buckets], group: int, at_us: int, newest_us: int, *, number: int = 1) -> None:
    """Count `number` events of `group` at `at_us`; drop what no window at `newest_us` or later can see."""
    for counts, (size, span) in zip(buckets, _SHAPES, strict=True):
        index = at_us // size
        oldest = newest_us // size - span
        if index > oldest:
            key = index * STRIDE + group
            known = counts.get(key)
            if known is None:
                # The first is the oldest but for late ones, which may stay until it goes.
                if counts and next(iter(counts)) < (oldest + 1) * STRIDE:
                    prune(counts, oldest)
                counts[key] = number
            else:
                counts[key] = known + number


def in_shortest(buckets: list[Buckets], group: int, at_us: int) -> int:
    """Events of `group` counted in the shortest bucket that holds `at_us`."""
    return buckets[0].get(at_us // _SHAPES[0][0] * STRIDE + group, 0)


def prune(counts: Buckets, oldest: int) -> None:
    """Drop the buckets up to and including index `oldest`."""
    limit = (oldest + 1) * STRIDE
    gone = [key for key in counts if key < limit]
    for key in gone:
        del counts[key]


def add(one: list[Buckets], other: list[Buckets], newest_us: int) -> None:
    """Add the other's buckets into one's, keeping what a window at `newest_us` can see."""
    for resolution, counts, more in zip(RESOLUTIONS, one, other, strict=True):
        for key, number in more.items():
            counts[key] = counts.get(key, 0) + number
        prune(counts, newest_us // resolution.size_us - resolution.span)


def active_days(buckets: list[Buckets], at_us: int) -> int:
    """Days with an event among those of the longest window as of `at_us`."""
    oldest = at_us // RESOLUTIONS[-1].size_us - RESOLUTIONS[-1].span
    return len({key // STRIDE for key in buckets[-1] if key // STRIDE > oldest})


def totals(buckets: list[Buckets], at_us: int) -> dict[str, list[int]]:
    """For each window's label the count of each group, `[groups]`, as of `at_us`."""
    found: dict[str, list[int]] = {}
    for resolution, counts in zip(RESOLUTIONS, buckets, strict=True):
        now = at_us // resolution.size_us
        for label, span in resolution.windows:
            row = [0] * len(GROUPS)
            limit = (now - span + 1) * STRIDE
            for key, number in counts.items():
                if key >= limit:
                    row[key % STRIDE] += number
            found[label] = row
    return found
