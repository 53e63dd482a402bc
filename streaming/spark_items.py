"""The catalogue beside Spark's fold: each executor's Python follows the topic `items` itself."""

from __future__ import annotations

from functools import lru_cache
from threading import Event as Flag

from contracts.settings import KafkaSettings
from streaming.items import Items


@lru_cache(maxsize=4)
def followed_items(kafka: KafkaSettings, lateness_us: int) -> Items:
    """What the catalogue says, opened once a process: an executor's Python outlives its tasks."""
    items = Items(kafka, lateness_us=lateness_us)
    items.open(Flag())
    return items
