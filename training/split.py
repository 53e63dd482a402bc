"""The temporal holdout: what happened from a midnight on is kept from every fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from features.instant import DAY_US
from training.dataset import Ints, Longs, Purchases


@dataclass(frozen=True)
class Holdout:
    """Rows of a dataset before `cutoff_us` (fit) and from it on (test).

    Items are as they then were: `known` [items] are those bought before the cutoff, and a test
    row bought at least one of them that was new to its visitor.
    """

    cutoff_us: int
    fit: Longs
    test: Longs
    known: NDArray[np.bool_]

    def relevant(self, purchases: Purchases, row: int) -> Ints:
        """The known items that the moment at `row` chose and had not bought before."""
        basket = purchases.basket[row]
        return basket[self.known[basket]]

    def among(self, rows: Longs) -> Holdout:
        """The same of the moments at `rows` alone, rising, as rows of these."""
        fit, test = (np.flatnonzero(np.isin(rows, side)) for side in (self.fit, self.test))
        return replace(self, fit=fit, test=test)


def user_groups(users: NDArray[np.str_], count: int) -> Ints:
    """A group from 0 to `count` - 1 for each row, the same for all moments of a visitor, by a hash of their name."""
    names, codes = np.unique(users, return_inverse=True)
    groups = np.array([crc32(f"group {name}".encode()) % count for name in names.tolist()], np.int32)
    dealt: Ints = groups[codes]
    return dealt


def temporal_holdout(purchases: Purchases, *, days: int, before_us: int | None = None) -> Holdout:
    """Hold out the last `days` whole UTC days, of all or of what lies before `before_us`.

    The day of the last moment counts as one. Raises ValueError where either side stays empty.
    """
    at_us = purchases.at_us if before_us is None else purchases.at_us[purchases.at_us < before_us]
    end_us = (int(at_us.max()) // DAY_US + 1) * DAY_US
    cutoff_us = end_us - days * DAY_US
    fit = np.flatnonzero(purchases.at_us < cutoff_us)
    known = np.zeros(len(purchases.vocabulary.items), np.bool_)
    known[purchases.purchased.take(fit).flat] = True
    window = np.flatnonzero((purchases.at_us >= cutoff_us) & (purchases.at_us < end_us))
    test = np.array([row for row in window if known[purchases.basket[int(row)]].any()], np.int64)
    if not len(fit) or not len(test):
        raise ValueError(
            f"holdout of {days} days: expected moments on both sides, came {len(fit)} before and {len(test)} in it"
        )
    return Holdout(cutoff_us, fit, test, known)
