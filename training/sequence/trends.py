"""The trends as of each event that a sequence model is asked for, kept where they are not zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from features.item_trends import RecentEvents, log_ages, tastes_before, trend_features
from training.dataset import Ints, Longs

Floats = NDArray[np.float32]
_TASTE_DIM = 64


@dataclass(frozen=True)
class EventTrends:
    """items, values: [found, 2 half-lives] float16 of `RecentEvents.trends`, event e's from starts[e] on.

    at_s: [events]; first_s: [items], second of each item's first event; tastes: [items, dim], whose mean is a
    person's taste.
    """

    items: Ints
    values: NDArray[np.float16]
    starts: Longs
    at_s: Longs
    first_s: Longs
    tastes: Floats

    def dense(self, events: Longs, lags_s: Longs) -> NDArray[np.float16]:
        """[events, items, features] of `trend_features`; offered is what was there so long before the event,
        lags_s: [events].
        """
        count, width = len(self.first_s), self.values.shape[1]
        dense = np.empty((len(events), count, 3 * width + 1), np.float16)
        ages = log_ages(self.first_s, self.at_s[events])
        for row, (event, lag_s) in enumerate(zip(events, lags_s, strict=True)):
            found, logs = slice(self.starts[event], self.starts[event + 1]), np.zeros((count, width), np.float32)
            logs[self.items[found]] = self.values[found]
            dense[row] = trend_features(logs, ages[row], self.first_s < self.at_s[event] - lag_s)
        return dense


def event_trends(
    items: Ints, starts: Longs, at_s: Longs, item_count: int, half_lives_days: tuple[float, ...]
) -> EventTrends:
    """The trends just before each event, of these events alone.

    items, at_s: [events], one user's after another's, oldest first; starts: [users + 1].
    """
    tastes = item_tastes(items, starts, item_count)
    before = tastes_before(items, starts, tastes)
    order = np.argsort(at_s, kind="stable")
    recent = RecentEvents(items[order], at_s[order], before[order])
    first_s = np.full(item_count, np.iinfo(np.int64).max // 2)
    np.minimum.at(first_s, items, at_s)
    found = [recent.trends(int(at), taste, half_lives_days) for at, taste in zip(at_s, before, strict=True)]
    lengths = np.array([len(places) for places, _ in found], np.int64)
    return EventTrends(
        items=np.concatenate([places for places, _ in found]),
        values=np.concatenate([values.astype(np.float16) for _, values in found]),
        starts=np.concatenate(([0], np.cumsum(lengths))),
        at_s=at_s,
        first_s=first_s,
        tastes=tastes,
    )


def item_tastes(items: Ints, starts: Longs, item_count: int) -> Floats:
    """[items, dim] float32: the items' side of a truncated SVD of who has what, rare items counting more.

    The matrix is normalised by the roots of its rows' and columns' sums, as in spectral co-clustering (Dhillon 2001).
    """
    users = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    having = sparse.csr_matrix((np.ones(len(items)), (users, items)), (len(starts) - 1, item_count))
    having.data[:] = 1.0
    by_user, by_item = (np.maximum(np.asarray(having.sum(axis=axis)).ravel(), 1.0) for axis in (1, 0))
    scaled = sparse.diags(by_user**-0.5) @ having @ sparse.diags(by_item**-0.5)
    dim = min(_TASTE_DIM, min(having.shape) - 1)
    _, values, right = svds(scaled, dim, v0=np.ones(min(having.shape)))
    vectors = right.T * np.sqrt(values)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    rarity = np.log(len(by_user) / by_item)
    tastes: Floats = (unit * rarity[:, None]).astype(np.float32)
    return tastes
