"""An item of the catalogue, and what is said of it on the topic `items`."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from msgspec import Meta, Struct

from contracts.event import Identifier, Instant

Name = Annotated[str, Meta(min_length=1, max_length=512)]
# As long as an event's own category may be.
Label = Annotated[str, Meta(min_length=1, max_length=128)]
Price = Annotated[float, Meta(ge=0, le=1e9)]

REQUIRED = ("item_id", "name", "price", "category")


class Item(Struct, frozen=True, omit_defaults=True):
    """One article. `price` is in the shop's currency; `available` false hides it from answers.

    `brand` may be an author. `changed_at` is the instant from which this holds, aware UTC; without
    one, that at which the record was written.
    """

    item_id: Identifier
    name: Name
    price: Price
    category: Label
    available: bool = True
    brand: Label | None = None
    changed_at: Instant | None = None


class InvalidItem(ValueError):
    """Something that is no item; the message says what was expected and what came."""


class ItemChange(NamedTuple):
    """What a record of `items` says: the item from `since_us` (since 1970 UTC) on, None where it is gone."""

    item_id: str
    item: Item | None
    since_us: int
    offset: int


class ItemRecord(Protocol):
    """The part of a consumed record that is read here."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


FIELDS = Item.__struct_fields__
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Item)


def encode_item(item: Item) -> bytes:
    """JSON bytes of an item, as written to Kafka."""
    return _encoder.encode(item)


def decode_item(payload: bytes) -> Item:
    """An item from Kafka's bytes; unknown fields are passed over. Raises InvalidItem."""
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidItem(str(error)) from error


def parse_item(raw: object, *, from_text: bool = False) -> Item:
    """An item from a caller's fields; null is absent, a whole number will do for an id.

    `from_text`: every value is a text, as in CSV, and an empty one is absent.
    Raises InvalidItem with the field, what was expected and what came.
    """
    if not isinstance(raw, dict):
        raise InvalidItem(f"expected an item as an object, came {type(raw).__name__}")
    fields = {name: value for name, value in raw.items() if value is not None and not (from_text and value == "")}
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise InvalidItem(f"expected the fields {', '.join(FIELDS)}; came {_shown(unknown[0])}")
    absent = [name for name in REQUIRED if name not in fields]
    if absent:
        raise InvalidItem(f"expected {', '.join(REQUIRED)}; came no {' and no '.join(absent)}")
    if type(fields["item_id"]) is int:
        fields["item_id"] = str(fields["item_id"])
    try:
        item = msgspec.convert(fields, Item, strict=not from_text, str_keys=True)
    except msgspec.ValidationError as error:
        raise InvalidItem(_explained(str(error), fields)) from error
    if not math.isfinite(item.price):
        raise InvalidItem(f"price: expected a finite number, came {item.price}")
    return item


def read_change(record: ItemRecord) -> ItemChange:
    """What a consumed record says. Raises InvalidItem.

    A record cannot hold from later than it was written: a clock that ran ahead would otherwise
    keep every later change out.
    """
    if not record.key:
        raise InvalidItem("expected the item's id as key, came none")
    try:
        item_id = record.key.decode()
    except UnicodeDecodeError as error:
        raise InvalidItem(f"expected the item's id as key, came {record.key!r}") from error
    written_us = record.timestamp * 1000
    if record.value is None:
        return ItemChange(item_id, None, written_us, record.offset)
    item = decode_item(record.value)
    if item.item_id != item_id:
        raise InvalidItem(f"expected the item's id {item.item_id!r} as key, came {item_id!r}")
    if item.changed_at is None:
        return ItemChange(item_id, item, written_us, record.offset)
    # Kafka keeps milliseconds: what was written within one may say any of its microseconds.
    said_us = min(_to_us(item.changed_at), written_us + 999)
    return ItemChange(item_id, item, said_us, record.offset)


def same_facts(one: Item | None, other: Item | None) -> bool:
    """Whether both say the same of an item, since whenever."""
    if one is None or other is None:
        return one is other
    return all(getattr(one, name) == getattr(other, name) for name in FIELDS if name != "changed_at")


def _to_us(instant: datetime) -> int:
    return round(instant.timestamp() * 1e6)


def _explained(message: str, fields: dict[str, Any]) -> str:
    """msgspec's words, with the field in front and what came behind."""
    rule, _, place = message.partition(" - at `$.")
    name = place.rstrip("`")
    if name not in fields:
        return message
    return f"{name}: {rule[0].lower()}{rule[1:]}, came {_shown(fields[name])}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
