"""Counts what the ranker knows of each item, as of an instant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.instant import DAY_US
from features.ranking_items import HALF_LIVES_DAYS, ItemStatistics
from training.baselines import co_purchase_similarity
from training.config import KnnConfig
from training.dataset import Purchases, Ragged

Floats = NDArray[np.float32]


def item_statistics(purchases: Purchases, until_us: int, knn: KnnConfig, *, neighbours: int) -> ItemStatistics:
    """Statistics of the vocabulary's items; moments at `until_us` or later are left out."""
    purchases = purchases.take(np.flatnonzero(purchases.at_us < until_us))
    items = len(purchases.vocabulary.items)
    ages_days = (until_us - purchases.at_us) / DAY_US
    kept = min(neighbours, items)
    similarity = co_purchase_similarity(purchases, until_us, replace(knn, neighbours=kept))
    places = np.argsort(-similarity, axis=1, kind="stable")[:, :kept].astype(np.int32)
    return ItemStatistics(
        sold=_fading(purchases.purchased, ages_days, items),
        discovered=_fading(purchases.basket, ages_days, items),
        on_sale_days=_since_first(purchases.purchased, ages_days, items),
        neighbours=places,
        similarity=np.take_along_axis(similarity, places, axis=1),
    )


def _fading(lines: Ragged, ages_days: NDArray[np.float64], items: int) -> Floats:
    ages = np.repeat(ages_days, lines.lengths)
    counts = [np.bincount(lines.flat, np.exp2(-ages / days), minlength=items) for days in HALF_LIVES_DAYS]
    logarithms: Floats = np.log1p(np.stack(counts, axis=1)).astype(np.float32)
    return logarithms


def _since_first(lines: Ragged, ages_days: NDArray[np.float64], items: int) -> Floats:
    oldest = np.zeros(items)
    np.maximum.at(oldest, lines.flat, np.repeat(ages_days, lines.lengths))
    return oldest.astype(np.float32)


def reindexed(statistics: ItemStatistics, own: tuple[str, ...], wanted: tuple[str, ...]) -> ItemStatistics:
    """Statistics of `own` items, by row of `wanted` ones; an item that is not among `own` has none."""
    if own == wanted:
        return statistics
    places = {item: row for row, item in enumerate(wanted)}
    to_wanted = np.array([places.get(item, -1) for item in own], np.int32)
    kept = np.flatnonzero(to_wanted >= 0)
    neighbours = to_wanted[statistics.neighbours[kept]]

    def moved(array: NDArray[Any]) -> NDArray[Any]:
        result = np.zeros((len(wanted), *array.shape[1:]), array.dtype)
        result[to_wanted[kept]] = array
        return result

    return ItemStatistics(
        sold=moved(statistics.sold[kept]),
        discovered=moved(statistics.discovered[kept]),
        on_sale_days=moved(statistics.on_sale_days[kept]),
        neighbours=moved(np.maximum(neighbours, 0)),
        similarity=moved(np.where(neighbours >= 0, statistics.similarity[kept], np.float32(0.0))),
    )
