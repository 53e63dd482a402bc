"""What a dataset's purchases say of its items: which are still sold, and which sell more than they did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.instant import DAY_US
from training.dataset import Longs, Purchases

Floats = NDArray[np.float32]

_HALF_LIFE_DAYS = 20.0
_GROWTH_DAYS = 28


def still_sold(purchases: Purchases) -> Floats:
    """[items] 0 to 1: halved for every 20 days from an item's last sale to the newest moment; 0 where none was sold."""
    bought_us = _bought_us(purchases)
    last_us = np.full(len(purchases.vocabulary.items), np.iinfo(np.int64).min)
    np.maximum.at(last_us, purchases.purchased.flat, bought_us)
    sold = last_us > np.iinfo(np.int64).min
    days = (purchases.at_us.max() - np.where(sold, last_us, 0)) / DAY_US
    weights: Floats = np.where(sold, np.exp2(-days / _HALF_LIFE_DAYS), 0.0).astype(np.float32)
    return weights


def growth(purchases: Purchases) -> Floats:
    """[items]: log(1 + purchases) of the newest 28 days less that of the 28 before; zeros where days are fewer."""
    items = len(purchases.vocabulary.items)
    now_us, span_us = int(purchases.at_us.max()) + 1, _GROWTH_DAYS * DAY_US
    if purchases.at_us.min() > now_us - 2 * span_us:
        return np.zeros(items, np.float32)
    bought_us = _bought_us(purchases)

    def logs(begin_us: int) -> NDArray[np.float64]:
        inside = (bought_us >= begin_us) & (bought_us < begin_us + span_us)
        return np.log1p(np.bincount(purchases.purchased.flat[inside], minlength=items))

    return (logs(now_us - span_us) - logs(now_us - 2 * span_us)).astype(np.float32)


def _bought_us(purchases: Purchases) -> Longs:
    return np.repeat(purchases.at_us, purchases.purchased.lengths)
