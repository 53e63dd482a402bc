"""The catalogue from a file into the topic `items`: what is new or different of it, and nothing twice."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kafka import KafkaProducer
from msgspec.structs import replace as with_fields

from contracts.item import Item, ItemChange, encode_item, same_facts
from contracts.item_log import ItemLog
from contracts.settings import Settings
from contracts.topics import Topics
from streaming.catalogue_file import write_catalogue
from streaming.catalogue_source import read_items
from streaming.history import shop_catalogue_path
from streaming.outbox import open_producer

_READ_S = 60.0
_FLUSH_S = 60.0


class CatalogueAway(OSError):
    """The topic `items` could not be read, or did not take what was sent."""


@dataclass(frozen=True)
class Loaded:
    """What became of a file's items; `gone` were in the catalogue and not in the file, `bad` says why by row."""

    added: int
    changed: int
    unchanged: int
    gone: int
    bad: tuple[tuple[int, str], ...] = ()


def load_catalogue(settings: Settings, source: Path | None = None, *, replace: bool = False) -> Loaded:
    """Send to `items` what the topic does not say yet; the shop's own catalogue where no `source` is given.

    Interrupted and run again, it sends the rest. `replace`: items that the file does not have are gone,
    unless some of its rows are bad, for then nobody knows which they are.
    Raises ValueError on a file that is none, CatalogueAway.
    """
    read = read_items(source or shop_catalogue_path(settings))
    known, end = read_topic(settings)
    present = {item_id: change.item for item_id, change in known.items() if change.item is not None}
    wanted: dict[str, Item | None] = {
        item_id: item for item_id, item in read.items.items() if not same_facts(present.get(item_id), item)
    }
    added = sum(item_id not in present for item_id in wanted)
    gone = [item_id for item_id in present if item_id not in read.items] if replace and not read.bad else []
    wanted.update(dict.fromkeys(gone))
    if wanted:
        end = max(end, _send(settings, wanted) + 1)
    current = {**present, **wanted}
    write_catalogue(settings.catalogue_path, [item for item in current.values() if item is not None], offset=end)
    changed = len(wanted) - added - len(gone)
    return Loaded(added, changed, len(read.items) - added - changed, len(gone), tuple(read.bad))


def lay_catalogue(settings: Settings, source: Path | None = None) -> int:
    """The file alone, for a home without Kafka; the number of its items. Raises ValueError on a file that is none."""
    read = read_items(source or shop_catalogue_path(settings))
    write_catalogue(settings.catalogue_path, read.items.values(), offset=0)
    return len(read.items)


def read_topic(settings: Settings) -> tuple[dict[str, ItemChange], int]:
    """The newest change of each item, those gone among them, and the topic's end. Raises CatalogueAway."""
    changes, end = read_changes(settings)
    return {change.item_id: change for change in changes}, end


def read_changes(settings: Settings) -> tuple[list[ItemChange], int]:
    """All changes that the topic holds, and its end. Raises CatalogueAway."""
    log = ItemLog(settings.kafka)
    log.start()
    try:
        if not log.wait(_READ_S):
            raise CatalogueAway(f"expected to read the topic of items within {_READ_S:.0f} s: {log.error}")
        return log.take(), log.next_offset
    finally:
        log.stop()


def show_item(settings: Settings, item_id: str) -> ItemChange:
    """The newest change of an item. Raises LookupError where the catalogue has never heard of it, CatalogueAway."""
    known, _ = read_topic(settings)
    if item_id not in known:
        raise UnknownItem(f"expected the id of an item, came {item_id!r}; the catalogue has {len(known)} items")
    return known[item_id]


class UnknownItem(LookupError):
    """The catalogue has never heard of an item."""


def _send(settings: Settings, items: dict[str, Item | None]) -> int:
    """Send items, None for one that is gone; the last one's offset once Kafka has all. Raises CatalogueAway."""
    topic = Topics(settings.kafka.topic_prefix).items
    now = datetime.now(UTC)
    producer: KafkaProducer = open_producer(settings)
    try:
        futures = [
            producer.send(
                topic,
                None if item is None else encode_item(with_fields(item, changed_at=item.changed_at or now)),
                key=item_id.encode(),
                timestamp_ms=time.time_ns() // 1_000_000,
            )
            for item_id, item in items.items()
        ]
        producer.flush(timeout=_FLUSH_S)
        return max(int(future.get(timeout=_FLUSH_S).offset) for future in futures)
    except Exception as error:
        raise CatalogueAway(f"{topic}: expected Kafka's acknowledgement of {len(items)} items: {error}") from error
    finally:
        producer.close(timeout=1.0)
