"""What is wanted of late, by everybody and by people alike, as of any instant; training and serving share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

# The age of an item that nobody has touched yet.
UNBORN = -1.0
_DAY_S = 86_400.0
# Events older than so many half-lives are let go: they weigh below 2 percent.
_HORIZON = 6.0
# What an event by somebody of another taste weighs among those by people alike.
_UNLIKE = 0.02
# Counts are small: the logarithm is to tell a half from one.
_SCALE = 20.0
# The same of shares, and what is added to their whole: by far less than one fresh event.
_SHARE_SCALE, _SHARE_FLOOR = 200.0, 0.02
# Ages in the products of count and age are in units of about three weeks' logarithm.
_AGE_UNIT = 3.0


@dataclass(frozen=True)
class RecentEvents:
    """Events of everybody, oldest first. items: [events] int32 from 0; at_s: [events] int64; tastes: [events, dim],
    that of the person just before the event, of length 1 or 0.
    """

    items: Ints
    at_s: Longs
    tastes: Floats

    def __post_init__(self) -> None:
        if np.any(np.diff(self.at_s) < 0):
            raise ValueError("expected events sorted by time, came others")

    def trends(self, instant_s: int, taste: Floats, half_lives_days: Sequence[float]) -> tuple[Ints, Floats]:
        """Items wanted of late [found], and of each [found, 2 half-lives] float32 the logarithms of its decayed counts.

        First those of all events before the instant, then those of events weighed by the squared cosine of
        the person's taste [dim] and `taste`. Events of the instant's own second do not count.
        """
        half_lives_s = _DAY_S * np.array(half_lives_days)
        begin, end = np.searchsorted(self.at_s, (instant_s - int(_HORIZON * half_lives_s.max()), instant_s))
        found, places = np.unique(self.items[begin:end], return_inverse=True)
        fading = np.exp2((self.at_s[begin:end] - instant_s) / half_lives_s[:, None])
        alike = _UNLIKE + np.maximum(self.tastes[begin:end] @ taste, 0.0) ** 2
        counts = [np.bincount(places, one, minlength=len(found)) for one in (*fading, *(fading * alike))]
        return found.astype(np.int32), np.log1p(_SCALE * np.stack(counts, axis=1)).astype(np.float32)


def log_ages(first_s: Longs, instants_s: Longs) -> Floats:
    """[instants, items] float32: log(1 + days since an item's first event [items]), UNBORN up to that event."""
    ages_s = instants_s[:, None] - first_s[None]
    ages: Floats = np.where(ages_s > 0, np.log1p(np.maximum(ages_s, 0) / _DAY_S), UNBORN).astype(np.float32)
    return ages


def feature_count(half_lives_days: Sequence[float]) -> int:
    """How many features an item has: none without half-lives."""
    return 6 * len(half_lives_days) + 1 if len(half_lives_days) else 0


def trend_features(logs: Floats, ages: Floats, offered: NDArray[np.bool_]) -> Floats:
    """[items, features] as of an instant, for items of which logs are `RecentEvents.trends`' [items, 2 half-lives].

    Those; the logarithms of an item's shares in what was wanted of all items `offered` [items], for an hour of
    little traffic says as much as a busy one; the first times `ages` [items, as `log_ages`]; and last the age
    itself, UNBORN for what is not offered.
    """
    counts = np.expm1(logs) / _SCALE
    shares = counts / (counts[offered].sum(axis=0) + _SHARE_FLOOR)
    by_age = logs * np.maximum(ages, 0.0)[:, None] / _AGE_UNIT
    known = np.where(offered, ages, np.float32(UNBORN))[:, None]
    return np.concatenate((logs, np.log1p(_SHARE_SCALE * shares), by_age, known), axis=1, dtype=np.float32)


def tastes_before(items: Ints, starts: Longs, vectors: Floats) -> Floats:
    """[events, dim]: the mean direction of what a person touched before each event; zeros before the first.

    items: [events] from 0, one person's after another's, oldest first; starts: [people + 1]; vectors: [items, dim].
    """
    sums = np.concatenate((np.zeros((1, vectors.shape[1])), np.cumsum(vectors[items], axis=0, dtype=np.float64)))
    before = sums[:-1] - sums[np.repeat(starts[:-1], np.diff(starts))]
    lengths = np.linalg.norm(before, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, before / np.maximum(lengths, 1e-6), 0.0).astype(np.float32)
