"""Histories made poorer in training, so that the towers do not lean on all of one being there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.tower_input import ORDER_BUCKETS

Batch = dict[str, NDArray[Any]]

# What of a batch has a line for each place of the history, [batch, HISTORY], and 0 where there is none.
_LINES = ("items", "ages", "orders", "actions")


def crop_histories(batch: Batch, share: float, random: np.random.Generator) -> None:
    """Of a share of the rows keep the newest moments alone, from one to all of them: visitors known for less long."""
    if not share:
        return
    orders = batch["orders"]
    kept = random.integers(1, np.maximum(orders.max(axis=1), 1), endpoint=True)
    cropped = random.random(len(orders)) < share
    _forget(batch, cropped[:, None] & (orders > kept[:, None]))


def mask_moments(batch: Batch, share: float, random: np.random.Generator) -> None:
    """Hide a share of the moments, with all of their lines; a row of which all would go keeps its newest."""
    if not share:
        return
    orders = batch["orders"]
    hidden = random.random((len(orders), ORDER_BUCKETS)) < share
    hidden[:, 0] = False
    lines = np.take_along_axis(hidden, orders, axis=1)
    emptied = (lines | (orders == 0)).all(axis=1)
    _forget(batch, lines & ~(emptied[:, None] & (orders == 1)))


def _forget(batch: Batch, lines: NDArray[np.bool_]) -> None:
    for name in _LINES:
        batch[name][lines] = 0
