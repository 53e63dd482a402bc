"""Items that no model was told of, ranked among themselves: who is asked for them, and what is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.quality.interactions import Floats, Longs
from training.dataset import Ints
from training.metrics import Doubles, bootstrap_interval, ndcg, recall

K = 10
CHANCE = "popularity at the split: of these items nothing, so by chance"
ROUNDS = 1000
_ORDERS = 20
_SEED = 7


@dataclass(frozen=True)
class ColdCases:
    """cold: [items] bool, the candidates. Of each case its user, the items it had (they are not listed again), and the
    cold ones that were to be found.
    """

    cold: NDArray[np.bool_]
    users: NDArray[np.str_]
    had: Sequence[Ints]
    relevant: Sequence[Ints]

    def __len__(self) -> int:
        return len(self.users)

    def lists(self, scores: Floats) -> Ints:
        """[cases, K], best first, of scores [cases, items]; equal scores by place.

        Raises ValueError where a case is left with fewer items.
        """
        left = self.cold.sum() - max(self.cold[had].sum() for had in self.had)
        if left < K:
            raise ValueError(f"expected {K} cold items or more for each case, came {left} for one")
        allowed = np.where(self.cold[None], scores, -np.inf)
        for row, had in enumerate(self.had):
            allowed[row, had] = -np.inf
        return np.argsort(-allowed, axis=1, kind="stable")[:, :K].astype(np.int32)

    def measured(self, scores: Floats) -> tuple[Doubles, Doubles]:
        """Recall and NDCG [cases]."""
        lists = self.lists(scores)
        return recall(lists, self.relevant), ndcg(lists, self.relevant)

    def by_chance(self) -> tuple[Doubles, Doubles]:
        """The same of random orders, the mean of some: what a count of nothing says."""
        random = np.random.default_rng(_SEED)
        drawn = [self.measured(random.random((len(self), len(self.cold))).astype(np.float32)) for _ in range(_ORDERS)]
        return np.mean([one for one, _ in drawn], axis=0), np.mean([one for _, one in drawn], axis=0)


def rows(cases: ColdCases, scores: Mapping[str, Floats]) -> dict[str, dict[str, float]]:
    """Recall and NDCG by model with 95% intervals over users, chance last, and each one's recall over chance's.

    scores: [cases, items] each. The interval of that ratio draws users for both sides at once.
    """
    measured = {name: cases.measured(one) for name, one in scores.items()} | {CHANCE: cases.by_chance()}
    chance = measured[CHANCE][0]
    return {name: _row(cases, *one, chance) for name, one in measured.items()}


def _row(cases: ColdCases, found: Doubles, gains: Doubles, chance: Doubles) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, values in (("recall", found), ("ndcg", gains)):
        low, high = bootstrap_interval(values, cases.users, rounds=ROUNDS, seed=_SEED)
        row |= {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high}
    low, high = np.quantile([one / other for one, other in _drawn(cases, found, chance)], [0.025, 0.975])
    times = {"times_chance": float(found.mean() / chance.mean()), "times_low": float(low), "times_high": float(high)}
    return row | times


def _drawn(cases: ColdCases, first: Doubles, second: Doubles) -> Iterator[tuple[float, float]]:
    """Sums of both over users drawn with all their cases (Efron 1979)."""
    _, codes = np.unique(cases.users, return_inverse=True)
    sums = np.stack([np.bincount(codes, first), np.bincount(codes, second)])
    random = np.random.default_rng(_SEED)
    for _ in range(ROUNDS):
        drawn = sums[:, random.integers(0, sums.shape[1], sums.shape[1])].sum(axis=1)
        yield float(drawn[0]), float(drawn[1])


def counted_before(instants: Longs, items: Ints, at_us: Longs, count: int, half_life_days: float | None) -> Floats:
    """[instants, count]: events of each item before each instant, halving with age, or all the same.

    items, at_us: [events], sorted by time.
    """
    counts = np.zeros((len(instants), count), np.float32)
    for row, instant in enumerate(instants):
        before = int(np.searchsorted(at_us, instant))
        weights = None
        if half_life_days is not None:
            weights = np.exp2((at_us[:before] - instant) / (half_life_days * 86_400e6))
        counts[row] = np.bincount(items[:before], weights, minlength=count)
    return counts


def a_tenth(known: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """[items] bool: one in ten of the known ones, drawn at random."""
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(known))[: int(known.sum()) // 10]
    hidden = np.zeros(len(known), np.bool_)
    hidden[drawn] = True
    return hidden
