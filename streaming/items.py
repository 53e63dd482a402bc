"""The catalogue beside the stream: facts for the fold, and Feast's rows of items."""

from __future__ import annotations

import time
from collections import deque
from threading import Event as Flag

from contracts.item import Item, ItemChange
from contracts.item_log import ItemLog
from contracts.settings import KafkaSettings
from features.catalogue import ItemFactsTable
from features.facts import ItemFacts
from features.fold import DEFAULT_LATENESS_US
from streaming.feature_rows import FeatureRows, OnlineRow

ITEM_VIEW = "item_features"
# Of the worker that holds it: one writer is enough, and every item has its row from one.
LEADING_PARTITION = 0
_FORGET_EVERY_S = 60.0
_WAIT_S = 0.5


def facts_of(item: Item | None) -> ItemFacts | None:
    """What of an item becomes features; None where it is gone."""
    return None if item is None else ItemFacts(item.category, item.brand, item.price)


class Items:
    """What the catalogue says of an item as of an event, following the topic `items`."""

    def __init__(self, settings: KafkaSettings, *, lateness_us: int = DEFAULT_LATENESS_US) -> None:
        self._log = ItemLog(settings)
        self._lateness_us = lateness_us
        self._forgot_s = time.monotonic()
        self.table = ItemFactsTable()

    @property
    def poisoned(self) -> int:
        """Records of the topic that were no items."""
        return self._log.poisoned

    @property
    def error(self) -> str:
        """Why the catalogue may have changed unseen; empty where it is followed."""
        return self._log.error

    def open(self, stopping: Flag) -> None:
        """Begin to follow, and return once all that the topic holds is known, or asked to stop."""
        self._log.start()
        while not self._log.wait(_WAIT_S) and not stopping.is_set():
            pass
        self.follow()

    def follow(self) -> None:
        """Take in what has come. Nothing to wait for: changes are fetched in the background."""
        for change in self._log.take():
            self.table.put(change.item_id, change.since_us, facts_of(change.item))
        now_s = time.monotonic()
        if now_s - self._forgot_s > _FORGET_EVERY_S:
            self._forgot_s = now_s
            self.table.forget(time.time_ns() // 1000 - self._lateness_us)

    def close(self) -> None:
        """End the following."""
        self._log.stop()


class ItemRows:
    """Feast's online rows of items, written by the worker that leads and by no other.

    Who begins to lead, or to write another generation of rows, reads the topic from its beginning:
    rows that are there already are no older, and are passed over by the online store.
    """

    def __init__(self, settings: KafkaSettings, rows: FeatureRows) -> None:
        self._settings = settings
        self._rows = rows
        self._log: ItemLog | None = None
        self._generation: int | None = None
        self._waiting: deque[ItemChange] = deque()
        self._row_us: dict[str, int] = {}

    def write(self, *, leads: bool, budget: int) -> None:
        """Write up to `budget` changes where this worker leads. Raises RedisError."""
        if not leads or self._rows.generation != self._generation:
            self.close()
            self._generation = self._rows.generation
        if not leads:
            return
        if self._log is None:
            self._log = ItemLog(self._settings)
            self._log.start()
        self._waiting.extend(self._log.take())
        some = [self._waiting[place] for place in range(min(budget, len(self._waiting)))]
        if not some:
            return
        # Of several changes of an item the last alone: rows of one write may come in any order.
        newest: dict[str, OnlineRow] = {}
        times: dict[str, int] = {}
        for change in some:
            before_us = times.get(change.item_id, self._row_us.get(change.item_id, -1))
            times[change.item_id] = row_us = max(change.since_us, before_us + 1)
            newest[change.item_id] = OnlineRow(change.item_id, row_us, _values(change.item))
        self._rows.write(ITEM_VIEW, list(newest.values()))
        self._row_us.update(times)
        for _ in some:
            self._waiting.popleft()

    def close(self) -> None:
        """Follow no longer."""
        if self._log is not None:
            self._log.stop()
            self._log = None
            self._waiting.clear()
            self._row_us = {}


def _values(item: Item | None) -> dict[str, str | float | bool | None]:
    if item is None:
        return {"available": False}
    return {
        "name": item.name,
        "price": item.price,
        "category": item.category,
        "available": item.available,
        "brand": item.brand,
    }
