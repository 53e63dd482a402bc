"""Where a model does well and where it does not: its figures by visitor, country and age of item."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.instant import DAY_US
from training.dataset import Dataset, Longs, Purchases
from training.evaluation import Result
from training.split import Holdout

_HISTORIES = ((0, 0), (1, 9), (10, 49), (50, None))
_AGES_DAYS = ((0, 29), (30, 179), (180, None))
_COUNTRIES = 3


class Slice(Struct, frozen=True):
    """A part of the holdout. `count` is in `unit`s; recall and NDCG as in the whole, NDCG where moments are counted."""

    by: str
    value: str
    unit: str
    count: int
    recall: float
    ndcg: float | None = None


def slices(result: Result, dataset: Dataset, holdout: Holdout, first_us: Longs) -> list[Slice]:
    """By length of the visitor's history, by country, and by the item's age at the cutoff; empty parts are left out.

    first_us: [items], when each was first sold.
    """
    return [
        *_by_history(result, dataset, holdout),
        *_by_country(result, dataset, holdout),
        *_by_item_age(result, dataset, holdout, first_us),
    ]


def _by_history(result: Result, dataset: Dataset, holdout: Holdout) -> list[Slice]:
    lengths = (dataset.inputs.items[holdout.test] > 0).sum(axis=1)
    parts = {_range(low, high): (lengths >= low) & (lengths <= _end(high)) for low, high in _HISTORIES}
    return _moments(result, "items in the visitor's history", parts)


def _by_country(result: Result, dataset: Dataset, holdout: Holdout) -> list[Slice]:
    countries = dataset.countries[holdout.test]
    names, counts = np.unique(countries, return_counts=True)
    largest = [str(names[place]) for place in np.argsort(-counts, kind="stable")[:_COUNTRIES]]
    parts = {name or "unknown": countries == name for name in largest}
    return _moments(result, "country", parts | {"others": ~np.isin(countries, largest)})


def _moments(result: Result, by: str, parts: dict[str, NDArray[np.bool_]]) -> list[Slice]:
    return [
        Slice(by, value, "moments", int(at.sum()), float(result.recall[at].mean()), float(result.ndcg[at].mean()))
        for value, at in parts.items()
        if at.any()
    ]


def _by_item_age(result: Result, dataset: Dataset, holdout: Holdout, first_us: Longs) -> list[Slice]:
    """Each chosen item counts once a moment: how many of them stand in its list."""
    baskets = [holdout.relevant(dataset, int(row)) for row in holdout.test]
    chosen = np.concatenate(baskets)
    found = np.concatenate([np.isin(basket, row) for basket, row in zip(baskets, result.ranked, strict=True)])
    ages_days = (holdout.cutoff_us - first_us[chosen]) // DAY_US
    parts = {_range(low, high): (ages_days >= low) & (ages_days <= _end(high)) for low, high in _AGES_DAYS}
    by = "days since the item was first sold"
    return [
        Slice(by, value, "items", int(at.sum()), float(found[at].mean())) for value, at in parts.items() if at.any()
    ]


def first_sold_us(purchases: Purchases, cutoff_us: int) -> Longs:
    """When each item [items] was first bought in what ends before the cutoff; the cutoff where it was not."""
    first = np.full(len(purchases.vocabulary.items), cutoff_us, np.int64)
    np.minimum.at(first, purchases.purchased.flat, np.repeat(purchases.at_us, purchases.purchased.lengths))
    return first


def _range(low: int, high: int | None) -> str:
    return f"{low} and more" if high is None else str(low) if low == high else f"{low} to {high}"


def _end(high: int | None) -> float:
    return float("inf") if high is None else high
