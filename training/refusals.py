"""What visitors turned down: shown again and again without a word, or taken out of the cart again.

An item that nobody showed is a weaker negative than one that was looked past, so the softmax counts
the latter as several.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contracts.event import EventType
from contracts.lake import EVENTS, open_table
from contracts.settings import Settings
from features.instant import DAY_US
from training.config import RefusalConfig
from training.labels import Moment

_INTEREST = frozenset(
    kind.value
    for kind in (
        EventType.CLICK,
        EventType.ITEM_VIEW,
        EventType.LIKE,
        EventType.SHARE,
        EventType.ADD_TO_CART,
        EventType.PURCHASE,
    )
)
_SHOWN, _REMOVED = EventType.IMPRESSION.value, EventType.REMOVE_FROM_CART.value
COLUMNS = ("profile_id", "timestamp", "type", "item_id")

# Instant in microseconds, type, item.
Deed = tuple[int, str, str]


def read_deeds(settings: Settings) -> pa.Table:
    """What the lake has of COLUMNS that says whether an item was wanted, where training is allowed."""
    kinds = ", ".join(f"'{kind}'" for kind in sorted({*_INTEREST, _SHOWN, _REMOVED}))
    allowed = f"type in ({kinds}) and consent_training == true and item_id is not null"
    return open_table(settings, EVENTS).scan(row_filter=allowed, selected_fields=COLUMNS).to_arrow()


def refused_items(moments: Sequence[Moment], deeds: pa.Table, config: RefusalConfig) -> list[frozenset[str]]:
    """For each moment the items turned down in the `config.days` before it, none of which was bought in it.

    Turned down is what was last taken out of the cart, or shown `config.shown` times since the visitor
    last cared for it. `deeds` has COLUMNS; what happened at a moment's own instant is not before it.
    """
    by_user = _by_user(deeds)
    return [
        frozenset(_turned_down(_window(by_user.get(moment.user_id, ()), moment.at_us, config.days), config.shown))
        - moment.basket
        for moment in moments
    ]


def _by_user(deeds: pa.Table) -> dict[str, list[Deed]]:
    at_us = deeds["timestamp"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
    found: defaultdict[str, list[Deed]] = defaultdict(list)
    columns: Any = (deeds[name].to_pylist() for name in ("profile_id", "type", "item_id"))
    for instant, (user, kind, item) in sorted(zip(at_us, zip(*columns, strict=True), strict=True), key=itemgetter(0)):
        found[user].append((instant, kind, item))
    return dict(found)


def _window(deeds: Sequence[Deed], at_us: int, days: float) -> Sequence[Deed]:
    first = bisect_left(deeds, at_us - round(days * DAY_US), key=itemgetter(0))
    return deeds[first : bisect_left(deeds, at_us, lo=first, key=itemgetter(0))]


def _turned_down(deeds: Sequence[Deed], shown: int) -> Iterator[str]:
    passed: dict[str, int] = {}
    for _, kind, item in deeds:
        if kind == _REMOVED:
            passed[item] = shown
        elif kind in _INTEREST:
            passed[item] = 0
        else:
            passed[item] = passed.get(item, 0) + 1
    return (item for item, times in passed.items() if times >= shown)


def extra_logits(refused: NDArray[np.bool_], positives: NDArray[np.bool_], weight: float) -> NDArray[np.float32]:
    """[batch, candidates]: what to add to the scores so that a refused item counts as 1 + `weight` others.

    The softmax's denominator then holds (1 + weight) exp(score) of it. A positive is never refused.
    """
    logits: NDArray[np.float32] = np.where(refused & ~positives, np.log1p(np.float32(weight)), np.float32(0.0))
    return logits.astype(np.float32)
