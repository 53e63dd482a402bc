"""What an opponent is given, as a file: events to learn from, histories to continue, items to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A fold without what is to be found, unless it is one for tuning.

    users, items, ages_days: [events], the events to learn from with their age at the fold's end (0
    where times are unknown). case_users: [cases]; the history of case i is `histories[starts[i]:starts[i + 1]]`,
    oldest first. candidates: [items] bool. relevant: as histories are, of lengths 0 in a final problem.
    """

    users: Longs
    items: Longs
    ages_days: Doubles
    case_users: Longs
    histories: Longs
    starts: Longs
    candidates: NDArray[np.bool_]
    relevant: Longs
    relevant_starts: Longs

    @classmethod
    def load(cls, path: Path) -> Problem:
        """Read a file of `bench.quality.exchange`."""
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})

    def __len__(self) -> int:
        return len(self.case_users)

    @property
    def item_count(self) -> int:
        """All items, candidates or not."""
        return len(self.candidates)

    @property
    def user_count(self) -> int:
        """One more than the largest user."""
        return int(max(self.users.max(), self.case_users.max())) + 1

    def matrix(self) -> sparse.csr_matrix:
        """[users, items] float32: 1 where the user has the item among the events to learn from."""
        ones = np.ones(len(self.users), np.float32)
        matrix = sparse.csr_matrix((ones, (self.users, self.items)), (self.user_count, self.item_count))
        matrix.data[:] = 1.0
        return matrix

    def case_matrix(self, half_life: float | None = None) -> sparse.csr_matrix:
        """[cases, items] float32: the histories, a line of them weighing half as much every `half_life` later ones."""
        lengths = np.diff(self.starts)
        rows = np.repeat(np.arange(len(self)), lengths)
        back = np.repeat(self.starts[1:], lengths) - 1 - np.arange(len(self.histories))
        weights = np.ones(len(rows)) if half_life is None else np.exp2(-back / half_life)
        order = np.argsort(back, kind="stable")
        # The newest line of an item stands for all of them.
        _, newest = np.unique(rows[order] * self.item_count + self.histories[order], return_index=True)
        kept = order[newest]
        values = weights[kept].astype(np.float32)
        return sparse.csr_matrix((values, (rows[kept], self.histories[kept])), (len(self), self.item_count))

    def ranked(self, scores: NDArray[np.float32], first: int, k: int) -> Longs:
        """The best k of scores [chunk, items] of the cases from `first`; seen items and no candidates are out.

        The order of equal scores is that of the items.
        """
        allowed = np.array(scores, np.float32)
        allowed[:, ~self.candidates] = -np.inf
        for at in range(len(allowed)):
            allowed[at, self.histories[self.starts[first + at] : self.starts[first + at + 1]]] = -np.inf
        ordered: Longs = np.argsort(-allowed, axis=1, kind="stable")[:, :k]
        return ordered

    def ndcg(self, lists: Longs) -> float:
        """Mean NDCG of lists [cases, k] against what is to be found. Raises ValueError in a final problem."""
        sizes = np.diff(self.relevant_starts)
        if not sizes.all():
            raise ValueError("expected a problem for tuning, came one without what is to be found")
        k = lists.shape[1]
        discounts = 1.0 / np.log2(np.arange(2, k + 2))
        ideal = np.cumsum(discounts)[np.minimum(sizes, k) - 1]
        gains = np.zeros(len(lists))
        for case, items in enumerate(lists):
            wanted = self.relevant[self.relevant_starts[case] : self.relevant_starts[case + 1]]
            gains[case] = (np.isin(items, wanted) * discounts).sum()
        return float((gains / ideal).mean())
