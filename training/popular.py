"""What is popular, overall, by category and by country: what serving answers without a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.item import Item
from contracts.model import Popularity
from features.instant import DAY_US
from training.dataset import Purchases


def count_popularity(
    purchases: Purchases, catalogue: Sequence[Item], until_us: int, *, half_life_days: float
) -> Popularity:
    """Decayed purchases of each item: of all, within its category, and by country of the purchase."""
    weights = np.exp2(-(until_us - purchases.at_us) / DAY_US / half_life_days)
    lines = np.repeat(weights, purchases.purchased.lengths)
    countries = np.repeat(purchases.countries, purchases.purchased.lengths)
    ids = [item.item_id for item in catalogue]
    overall = _ranked(ids, purchases.purchased.flat, lines)
    categories = {item.item_id: item.category for item in catalogue}
    by_category: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for item_id, count in overall:
        by_category[categories[item_id]].append((item_id, count))
    by_country = {
        str(country): _ranked(ids, purchases.purchased.flat[countries == country], lines[countries == country])
        for country in np.unique(countries)
        if country
    }
    return Popularity(overall, dict(by_category), by_country)


def _ranked(ids: Sequence[str], places: NDArray[np.int32], weights: NDArray[np.float64]) -> list[tuple[str, float]]:
    counts = np.bincount(places, weights, minlength=len(ids))
    order = np.argsort(-counts, kind="stable")
    return [(ids[place], float(counts[place])) for place in order if counts[place] > 0]
