"""A message in Segment's shape, or in ours, becomes events as the contract has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from collector.clock import event_time, read_instant
from collector.consent import read_consent
from collector.context import other_context, read_context
from collector.fields import lift, read_identifier, read_object, read_reference, read_url, read_whole, split
from collector.names import KNOWN_TYPES, LISTED, event_type
from collector.refusal import Reason, Refused, kind_of, shown
from contracts.event import Event, EventType
from privacy.strip import TooDeep, strip_properties, strip_traits

# Calls of Segment's API, and the type that the call stands for where it names no event.
CALLS: dict[str, EventType | None] = {
    "track": None,
    "page": EventType.PAGE_VIEW,
    "screen": EventType.PAGE_VIEW,
    "identify": EventType.IDENTIFY,
    "alias": EventType.ALIAS,
}
MAX_PRODUCTS = 500
# Those that a list's events share lie under this name, so that nobody adds an order's total once for each product.
_SHARED_NAMES = {EventType.PURCHASE: "order", EventType.IMPRESSION: "list"}

_OF_A_PRODUCT = frozenset({"item_id", "quantity", "price", "position", "properties"})


@dataclass(frozen=True)
class Envelope:
    """What a request says once for all its messages. `call` is the path's, None for a batch.

    `crawled`: its own user agent is a crawler's.
    """

    received_at: datetime
    call: str | None = None
    sent_at: Any = None
    context: Any = None
    crawled: bool = False


def read_type(raw: dict[str, Any], call: str | None) -> EventType:
    """The event type of a message. Raises Refused with the known types."""
    given = raw.get("type")
    if given is None or given in ("", call):
        given = call
    elif call is not None and given in CALLS:
        raise Refused(Reason.INVALID_FIELD, f"expected type {call} at /v1/{call}, came {given}")
    if type(given) is not str:
        came = "none" if given is None else kind_of(given)
        raise Refused(Reason.UNKNOWN_TYPE, f"expected a type, one of {', '.join(CALLS)}, {KNOWN_TYPES}; came {came}")
    if given == "track":
        name = raw.get("event")
        kind = event_type(name) if type(name) is str else None
        if kind is None:
            raise Refused(
                Reason.UNKNOWN_TYPE,
                f"expected an event, one of {KNOWN_TYPES}, or a name of Segment's e-commerce specification "
                f"that one of these stands for; came {'none' if name is None else shown(name)}",
            )
        return kind
    kind = CALLS.get(given) or event_type(given)
    if kind is None:
        raise Refused(
            Reason.UNKNOWN_TYPE, f"expected a type, one of {', '.join(CALLS)}, {KNOWN_TYPES}; came {shown(given)}"
        )
    return kind


def convert(raw: Any, envelope: Envelope) -> list[Event]:
    """The events that a message stands for: one, or one for each product of an order or a list.

    Identifiers of people are still the caller's own. Raises Refused with what was expected and what came.
    """
    if type(raw) is not dict:
        raise Refused(Reason.NOT_AN_OBJECT, f"expected an event to be an object, came {kind_of(raw)}")
    kind = read_type(raw, envelope.call)
    fields, unknown = split(raw)
    try:
        properties = _read(kind, fields, unknown, envelope)
        products = properties.pop("products", None) if kind in LISTED else None
        properties = _strip(kind, fields, properties, crawled=envelope.crawled)
        if products is not None:
            return list(_listed(kind, fields, properties, products))
        if kind is EventType.PURCHASE and "item_id" not in fields:
            raise Refused(Reason.INVALID_FIELD, "expected products or an item_id in a purchase, came neither")
        fields["properties"] = properties
        return _readings(_event(fields))
    except TooDeep as error:
        raise Refused(Reason.TOO_DEEP, str(error)) from error


def _read(kind: EventType, fields: dict[str, Any], unknown: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
    """Bring `fields` into the contract's form, in place; returns the properties, not yet stripped."""
    context = read_object("context", fields.get("context") or envelope.context)
    properties = read_object("properties", fields.pop("properties", None))
    fields["traits"] = read_object("traits", fields.get("traits"))
    fields["context"] = context
    if unknown:
        if kind is EventType.PAGE_VIEW and "category" in unknown:
            unknown["page_category"] = unknown.pop("category")
        properties = {**unknown, **properties}
    properties = dict(lift(properties, fields))
    fields["consent"] = read_consent(fields.get("consent"), context)
    fields["type"] = kind
    _read_identity(kind, fields, context)
    _read_times(fields, envelope)
    return _read_page(kind, fields, context, properties)


def _strip(kind: EventType, fields: dict[str, Any], properties: dict[str, Any], *, crawled: bool) -> dict[str, Any]:
    """Clean what came beside the contract's fields; context and traits in `fields` go where they belong."""
    context, traits = fields.pop("context"), fields.pop("traits")
    stripped = strip_properties(properties)
    if kind is EventType.IDENTIFY and traits:
        stripped |= strip_traits(traits)
    if context or crawled:
        fields["context"] = read_context(context, crawled=crawled)
        others = other_context(context)
        if others:
            stripped["context"] = others
    return stripped


def _read_identity(kind: EventType, fields: dict[str, Any], context: dict[str, Any]) -> None:
    user_id = read_identifier("userId", fields.get("user_id"))
    anonymous_id = read_identifier("anonymousId", fields.get("anonymous_id"))
    if user_id is None and anonymous_id is None:
        raise Refused(Reason.NO_IDENTITY, "expected userId or anonymousId, came neither")
    if kind is EventType.IDENTIFY and user_id is None:
        raise Refused(Reason.NO_IDENTITY, "expected userId in an identify, came none")
    fields["user_id"], fields["anonymous_id"] = user_id, anonymous_id
    fields["previous_id"] = _read_previous(kind, fields)
    fields["message_id"] = read_reference("messageId", fields.get("message_id")) or uuid4().hex
    session_id = fields.get("session_id") or context.get("sessionId") or context.get("session_id")
    fields["session_id"] = read_reference("sessionId", session_id)
    if "recommendation_id" in fields:
        fields["recommendation_id"] = read_reference("recommendation_id", fields["recommendation_id"])


def _read_previous(kind: EventType, fields: dict[str, Any]) -> str | None:
    """The other name of the user in an alias; None where it is the anonymous id. Segment's other calls have none."""
    given = fields.pop("previous_id", None)
    if kind is not EventType.ALIAS:
        return None
    previous_id = read_identifier("previousId", given)
    if fields["user_id"] is None or (previous_id is None and fields["anonymous_id"] is None):
        raise Refused(Reason.NO_IDENTITY, "expected userId and previousId in an alias, came not both")
    return None if previous_id == fields["anonymous_id"] else previous_id


def _readings(event: Event) -> list[Event]:
    """The event, and for an alias that does not say whether `previousId` names a visitor or a user, one for either.

    The two have pseudonyms of different domains; the reading that is wrong names a profile that nobody has.
    """
    if event.previous_id is None or event.anonymous_id is not None:
        return [event]
    message_id = f"{event.message_id}-anonymous"
    return [event, replace(event, message_id=message_id, anonymous_id=event.previous_id, previous_id=None)]


def _read_times(fields: dict[str, Any], envelope: Envelope) -> None:
    original = fields.pop("original_timestamp", None)
    timestamp, sent_at = fields.get("timestamp", original), fields.get("sent_at", envelope.sent_at)
    happened = None if timestamp is None else read_instant("timestamp", timestamp)
    sent = None if sent_at is None else read_instant("sentAt", sent_at)
    fields["timestamp"] = event_time(happened, sent, envelope.received_at)
    fields["sent_at"], fields["received_at"] = sent, envelope.received_at


def _read_page(
    kind: EventType, fields: dict[str, Any], context: dict[str, Any], properties: dict[str, Any]
) -> dict[str, Any]:
    """Set the page's address and referrer; returns the properties without them."""
    page = read_object("context.page", context.get("page"))
    url, referrer = page.get("url"), page.get("referrer")
    if kind is EventType.PAGE_VIEW and ("url" in properties or "referrer" in properties):
        url, referrer = properties.get("url") or url, properties.get("referrer") or referrer
        properties = {name: value for name, value in properties.items() if name not in ("url", "referrer")}
    fields["page_url"] = read_url("page_url", fields.get("page_url") or url)
    fields["referrer"] = read_url("referrer", fields.get("referrer") or referrer)
    return properties


def _event(fields: dict[str, Any]) -> Event:
    if "item_id" in fields:
        fields["item_id"] = read_reference("item_id", fields["item_id"])
    for name in ("quantity", "position"):
        if name in fields:
            fields[name] = read_whole(fields[name])
    try:
        return msgspec.convert(fields, Event)
    except msgspec.ValidationError as error:
        raise Refused(Reason.INVALID_FIELD, str(error)) from error


def _listed(kind: EventType, fields: dict[str, Any], shared: dict[str, Any], products: Any) -> Iterator[Event]:
    """One event for each product, its message id derived from the message's and the product's place."""
    if type(products) is not list or not products:
        came = "an empty list" if products == [] else kind_of(products)
        raise Refused(Reason.INVALID_FIELD, f"expected properties.products to be a list of products, came {came}")
    if len(products) > MAX_PRODUCTS:
        raise Refused(
            Reason.TOO_LARGE, f"expected at most {MAX_PRODUCTS} products in properties.products, came {len(products)}"
        )
    for index, product in enumerate(products):
        if type(product) is not dict:
            raise Refused(
                Reason.INVALID_FIELD,
                f"expected properties.products[{index}] to be an object, came {kind_of(product)}",
            )
        own = product_fields(kind, fields, shared, index, product)
        try:
            if kind is EventType.PURCHASE and "item_id" not in own:
                raise Refused(Reason.INVALID_FIELD, "expected product_id, sku or item_id, came none")
            yield _event(own)
        except Refused as error:
            raise Refused(error.reason, f"properties.products[{index}]: {error}") from error


def product_fields(
    kind: EventType, fields: dict[str, Any], shared: dict[str, Any], index: int, product: dict[str, Any]
) -> dict[str, Any]:
    """The fields of the event that one product of a list becomes. Raises TooDeep."""
    own = {name: value for name, value in fields.items() if name not in _OF_A_PRODUCT}
    own["message_id"] = f"{fields['message_id']}-{index}"
    properties = strip_properties(lift(product, own))
    if shared:
        properties[_SHARED_NAMES[kind]] = shared
        if "category" in shared:
            properties.setdefault("category", shared["category"])
    own["properties"] = properties
    return own
