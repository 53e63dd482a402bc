"""What callers name a field, and what the contract names it."""

from __future__ import annotations

from typing import Any

from collector.refusal import Reason, Refused, kind_of
from privacy.text import clean_text

# Of a message's own level. Both Segment's camel case and the contract's names are read.
MESSAGE_FIELDS: dict[str, str] = {
    "type": "type",
    "event": "event",
    "messageId": "message_id",
    "message_id": "message_id",
    "anonymousId": "anonymous_id",
    "anonymous_id": "anonymous_id",
    "userId": "user_id",
    "user_id": "user_id",
    "previousId": "previous_id",
    "previous_id": "previous_id",
    "sessionId": "session_id",
    "session_id": "session_id",
    "timestamp": "timestamp",
    "originalTimestamp": "original_timestamp",
    "sentAt": "sent_at",
    "sent_at": "sent_at",
    "itemId": "item_id",
    "item_id": "item_id",
    "quantity": "quantity",
    "price": "price",
    "position": "position",
    "recommendationId": "recommendation_id",
    "recommendation_id": "recommendation_id",
    "pageUrl": "page_url",
    "page_url": "page_url",
    "referrer": "referrer",
    "context": "context",
    "consent": "consent",
    "properties": "properties",
    "traits": "traits",
}

# Segment's envelope; it says nothing of the visitor. `receivedAt` is ours to say.
DROPPED_FIELDS = frozenset(
    {
        "writeKey",
        "integrations",
        "channel",
        "version",
        "_metadata",
        "receivedAt",
        "received_at",
        "groupId",
    }
)

# Of `properties` and of a product in a list; the first name that has a value gives the field.
PROPERTY_FIELDS: dict[str, tuple[str, ...]] = {
    "item_id": ("item_id", "itemId", "product_id", "productId", "sku"),
    "quantity": ("quantity",),
    "price": ("price",),
    "position": ("position",),
    "recommendation_id": ("recommendation_id", "recommendationId"),
    "session_id": ("session_id", "sessionId"),
    "consent": ("consent",),
}
_LIFTED = frozenset(name for names in PROPERTY_FIELDS.values() for name in names)

MAX_IDENTIFIER_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 2048


def split(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The message's known fields by the contract's names, and the unknown ones. A null is absent."""
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None:
            continue
        target = MESSAGE_FIELDS.get(name)
        if target is not None:
            known[target] = value
        elif name not in DROPPED_FIELDS:
            unknown[name] = value
    return known, unknown


def lift(properties: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Move the fields that callers put into `properties` where the contract has them.

    What `fields` already says stands. Returns the properties without what was moved.
    """
    if not properties.keys() & _LIFTED:
        return properties
    moved = set()
    for field, names in PROPERTY_FIELDS.items():
        for name in names:
            value = properties.get(name)
            if value is not None:
                fields.setdefault(field, value)
                moved.add(name)
                break
    return {name: value for name, value in properties.items() if name not in moved}


def read_object(name: str, value: Any) -> dict[str, Any]:
    """The value as an object, empty where it is absent. Raises Refused."""
    if value is None:
        return {}
    if type(value) is not dict:
        raise Refused(Reason.INVALID_FIELD, f"expected {name} to be an object, came {kind_of(value)}")
    return value


def read_identifier(name: str, value: Any) -> str | None:
    """An identifier, a whole number written out; None where absent or empty. Raises Refused."""
    if type(value) is int:
        value = str(value)
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise Refused(Reason.INVALID_FIELD, f"expected {name} to be a string, came {kind_of(value)}")
    if len(value) > MAX_IDENTIFIER_CHARACTERS:
        raise Refused(
            Reason.INVALID_FIELD,
            f"expected {name} of at most {MAX_IDENTIFIER_CHARACTERS} characters, came {len(value)}",
        )
    return value


def read_reference(name: str, value: Any) -> str | None:
    """An identifier of a thing; an address that somebody put into it is taken out. Raises Refused."""
    identifier = read_identifier(name, value)
    return clean_text(identifier) if identifier is not None and "@" in identifier else identifier


def read_url(name: str, value: Any) -> str | None:
    """A URL, cleaned, at most as long as the contract allows: what is too long loses its query. Raises Refused."""
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise Refused(Reason.INVALID_FIELD, f"expected {name} to be a string, came {kind_of(value)}")
    url = clean_text(value)
    if len(url) > MAX_TEXT_CHARACTERS:
        url = url.partition("?")[0][:MAX_TEXT_CHARACTERS]
    return url


def read_whole(value: Any) -> Any:
    """A whole number that came with a decimal point, without it; anything else as it is."""
    return int(value) if type(value) is float and value.is_integer() else value
