"""Every measure of a table, from the lists that a model gave; one list a case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.quality.folds import DAY_S, Fold
from bench.quality.interactions import Interactions
from training.dataset import Ints
from training.metrics import Doubles, coverage, ndcg, recall, reciprocal_rank

_FIRST_EVENTS = 3
BY_CASE = ("recall", "ndcg", "mrr", "novelty", "popularity", "diversity")


@dataclass(frozen=True)
class Measured:
    """A model's measures of one list a case [cases]; `coverage` is of all lists together.

    novelty: mean of -log2(share of the users with the item) over a list (Zhou et al. 2010), an item
    nobody has counting as one that one user has. popularity: mean count of an item's events in the fit. diversity: mean
    cosine distance of the contents of a list's pairs; NaN where there is no content.
    """

    recall: Doubles
    ndcg: Doubles
    mrr: Doubles
    novelty: Doubles
    popularity: Doubles
    diversity: Doubles
    coverage: float

    def means(self, cases: NDArray[np.bool_] | None = None) -> dict[str, float]:
        """Means over the cases, or over those chosen."""
        rows = slice(None) if cases is None else cases
        return {name: float(np.mean(getattr(self, name)[rows])) for name in BY_CASE}


def measure(data: Interactions, fold: Fold, ranked: Ints) -> Measured:
    """The measures of lists [cases, k], best first. Raises ValueError for a list a fold does not allow."""
    check_lists(data, fold, ranked)
    relevant = [fold.relevant[case] for case in range(len(fold))]
    counts = np.bincount(data.items[fold.fit], minlength=data.item_count)
    return Measured(
        recall=recall(ranked, relevant),
        ndcg=ndcg(ranked, relevant),
        mrr=reciprocal_rank(ranked, relevant),
        novelty=_self_information(data, fold)[ranked].mean(axis=1),
        popularity=counts[ranked].mean(axis=1),
        diversity=_distance(data.content, ranked),
        coverage=coverage(ranked, int(fold.candidates.sum())),
    )


def check_lists(data: Interactions, fold: Fold, ranked: Ints) -> None:
    """Raises ValueError where a list repeats an item, names a seen one or one that is no candidate."""
    if len(ranked) != len(fold):
        raise ValueError(f"expected a list for each of {len(fold)} cases, came {len(ranked)}")
    if not fold.candidates[ranked].all():
        raise ValueError("expected candidates alone in the lists")
    for case, items in enumerate(ranked):
        if len(np.unique(items)) < len(items):
            raise ValueError(f"case {case}: expected different items, came {items.tolist()}")
        if np.isin(items, data.items[fold.starts[case] : fold.ends[case]]).any():
            raise ValueError(f"case {case}: expected no item of the history, came {items.tolist()}")


def activity_slices(fold: Fold) -> dict[str, NDArray[np.bool_]]:
    """Cases by the length of their history: thirds of them."""
    low, high = np.quantile(fold.history_lengths, [1 / 3, 2 / 3])
    return {
        f"history up to {low:.0f}": fold.history_lengths <= low,
        f"history of {low:.0f} to {high:.0f}": (fold.history_lengths > low) & (fold.history_lengths <= high),
        f"history beyond {high:.0f}": fold.history_lengths > high,
    }


def newcomers(fold: Fold) -> dict[str, NDArray[np.bool_]]:
    """Cases of people known by their context alone, or by their first events besides."""
    lengths = fold.history_lengths
    return {
        "no history": lengths == 0,
        f"1 to {_FIRST_EVENTS} events": (lengths > 0) & (lengths <= _FIRST_EVENTS),
    }


def item_slices(data: Interactions, fold: Fold) -> dict[str, NDArray[np.bool_]]:
    """Cases by the age of what was to be found, or by its popularity where times are unknown."""
    first = np.array([fold.relevant[case][0] for case in range(len(fold))])
    if data.at_s is None:
        counts = np.bincount(data.items[fold.fit], minlength=data.item_count)
        order = np.argsort(-counts, kind="stable")
        place = np.empty(data.item_count, np.int64)
        place[order] = np.arange(data.item_count)
        edges = [0.0, 0.1, 0.4, 1.0]
        shares = place[first] / data.item_count
        names = ("most popular 10% of items", "next 30% of items", "least popular 60% of items")
        return {
            name: (shares >= low) & (shares < high) for name, low, high in zip(names, edges, edges[1:], strict=False)
        }
    oldest = np.full(data.item_count, np.iinfo(np.int64).max)
    np.minimum.at(oldest, data.items, data.at_s)
    ages_days = (data.at_s[fold.fit].max() - oldest[first]) / DAY_S
    low, high = np.quantile(ages_days, [1 / 3, 2 / 3])
    return {
        f"item up to {low:.0f} days old": ages_days <= low,
        f"item of {low:.0f} to {high:.0f} days": (ages_days > low) & (ages_days <= high),
        f"item older than {high:.0f} days": ages_days > high,
    }


def _self_information(data: Interactions, fold: Fold) -> Doubles:
    pairs = np.unique(data.users[fold.fit].astype(np.int64) * data.item_count + data.items[fold.fit])
    having = np.bincount(pairs % data.item_count, minlength=data.item_count)
    users = len(np.unique(data.users[fold.fit]))
    information: Doubles = -np.log2(np.maximum(having, 1) / users)
    return information


def _distance(content: NDArray[np.float32], ranked: Ints) -> Doubles:
    if not content.shape[1]:
        return np.full(len(ranked), np.nan)
    lengths = np.linalg.norm(content, axis=1, keepdims=True)
    unit = content / np.maximum(lengths, 1e-12)
    k = ranked.shape[1]
    distances = np.empty(len(ranked))
    for case, items in enumerate(ranked):
        cosines = unit[items] @ unit[items].T
        distances[case] = 1.0 - (cosines.sum() - np.trace(cosines)) / (k * (k - 1))
    return distances
