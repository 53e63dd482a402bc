"""The demo's purchases in the form of the other data sets, so that the same opponents and measures apply."""

from __future__ import annotations

import numpy as np

from bench.quality.folds import Fold, Folds
from bench.quality.interactions import Floats, Interactions, Longs
from features.instant import SECOND_US
from training.catalogue import ItemContent
from training.dataset import Dataset, Ints, Ragged
from training.placing import content_blocks
from training.split import Holdout


def as_interactions(dataset: Dataset, content: ItemContent) -> tuple[Interactions, Longs]:
    """One event for each item of each purchase, and the place of each moment's first event [moments]."""
    users, codes = np.unique(dataset.users, return_inverse=True)
    order = np.lexsort((dataset.at_us, codes))
    lengths = dataset.purchased.lengths[order]
    places = np.empty(len(dataset), np.int64)
    places[order] = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    countries = np.zeros((len(users), 1), np.int32)
    countries[codes[order[::-1]], 0] = dataset.inputs.country[order[::-1]]
    interactions = Interactions(
        name="online_retail",
        users=np.repeat(codes[order], lengths).astype(np.int32),
        items=dataset.purchased.take(order).flat,
        actions=np.zeros(int(lengths.sum()), np.int32),
        at_s=np.repeat(dataset.at_us[order] // SECOND_US, lengths),
        content=content_table(content),
        attributes=countries,
        contexts=np.zeros((int(lengths.sum()), 0), np.int32),
        action_kinds=1,
    )
    return interactions, places


def content_table(content: ItemContent) -> Floats:
    """[items, words + categories + price buckets] float32 of 0 and 1."""
    return np.concatenate([block.columns for block in content_blocks(content)], axis=1)


def as_folds(dataset: Dataset, data: Interactions, places: Longs, tuning: Holdout, final: Holdout, days: int) -> Folds:
    """The holdouts of `training.split` as folds of `as_interactions`' events."""
    return Folds(
        f"temporal holdout of {days} days",
        tuning=_fold(dataset, data, places, tuning),
        final=_fold(dataset, data, places, final),
    )


def _fold(dataset: Dataset, data: Interactions, places: Longs, holdout: Holdout) -> Fold:
    fit = np.zeros(len(data), np.bool_)
    for row in holdout.fit:
        fit[places[row] : places[row] + dataset.purchased.lengths[row]] = True
    _, codes = np.unique(dataset.users, return_inverse=True)
    users: Ints = codes[holdout.test].astype(np.int32)
    relevant = Ragged.of([holdout.relevant(dataset, int(row)).tolist() for row in holdout.test])
    return Fold(fit, users, data.starts[users], places[holdout.test], relevant, holdout.known)
