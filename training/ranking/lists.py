"""Lists of candidates to learn from: columns, what was chosen, and how much that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.ranking_input import COLUMNS, Candidates, ranking_input
from features.ranking_items import ItemTable
from training.dataset import Dataset, Longs, Purchases

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Values = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Lists:
    """Visitors' candidates, best of retrieval first.

    columns: [lists, n, len(COLUMNS)] float32. gains: [lists, n] float32, what each was worth, 0 for what
    was not chosen. shown: [lists, n] bool, false where nothing is known of a choice. users: [lists].
    """

    columns: Floats
    gains: Floats
    shown: Bools
    users: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def chosen(self) -> Longs:
        """Rows of the lists that something was chosen of."""
        return np.flatnonzero((self.gains > 0).any(axis=1))

    def take(self, rows: Longs) -> Lists:
        """The lists at `rows`, in that order."""
        return Lists(self.columns[rows], self.gains[rows], self.shown[rows], self.users[rows])


def known_items(purchases: Purchases) -> Bools:
    """[items], those that somebody bought."""
    known = np.zeros(len(purchases.vocabulary.items), np.bool_)
    known[purchases.purchased.flat] = True
    return known


def allowed_scores(scores: Floats, dataset: Dataset, rows: Longs, known: Bools) -> Floats:
    """A copy of retrieval's scores [rows, items]; -inf where an item is not known or was bought before."""
    allowed = np.array(scores, np.float32)
    allowed[:, ~known] = -np.inf
    for at, row in enumerate(rows):
        allowed[at, dataset.bought[int(row)]] = -np.inf
    return allowed


def best(scores: Floats, count: int) -> Candidates:
    """The best of one visitor's scores [items], at most `count`; equal scores in the items' order, -inf left out."""
    order = np.argsort(-scores, kind="stable")[:count]
    rows = order[np.isfinite(scores[order])].astype(np.int32)
    return Candidates(rows, scores[rows])


def purchase_lists(
    dataset: Dataset, rows: Longs, values: Values, scores: Floats, table: ItemTable, *, depth: int
) -> Lists:
    """The moments at `rows`, their candidates by `scores` [rows, items], their choices what was bought first then.

    What was not bought of the candidates is the negative.
    """
    columns = np.zeros((len(rows), depth, len(COLUMNS)), np.float32)
    gains = np.zeros((len(rows), depth), np.float32)
    shown = np.zeros((len(rows), depth), np.bool_)
    for at, row in enumerate(rows):
        found = best(scores[at], depth)
        columns[at, : len(found.rows)] = ranking_input(values[at], found, table)
        gains[at, : len(found.rows)] = np.isin(found.rows, dataset.basket[int(row)])
        shown[at, : len(found.rows)] = True
    return Lists(columns, gains, shown, dataset.users[rows])
