"""The event: the one record that everything else is computed from."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from inspect import cleandoc
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

SCHEMA_VERSION = 1

Instant = Annotated[datetime, Meta(tz=True)]
Identifier = Annotated[str, Meta(min_length=1, max_length=256)]
Text = Annotated[str, Meta(max_length=2048)]


class EventType(StrEnum):
    """Everything a visitor, or the shop on the visitor's behalf, can tell us."""

    PAGE_VIEW = "page_view"
    ITEM_VIEW = "item_view"
    CLICK = "click"
    HOVER = "hover"
    SCROLL = "scroll"
    DWELL = "dwell"
    SEARCH = "search"
    ADD_TO_CART = "add_to_cart"
    REMOVE_FROM_CART = "remove_from_cart"
    CHECKOUT_STARTED = "checkout_started"
    PURCHASE = "purchase"
    REFUND = "refund"
    LIKE = "like"
    SHARE = "share"
    VIDEO_PROGRESS = "video_progress"
    FORM_SUBMIT = "form_submit"
    IMPRESSION = "impression"
    IDENTIFY = "identify"
    ALIAS = "alias"
    CONSENT = "consent"


class Consent(Struct, frozen=True, omit_defaults=True):
    """What the visitor allowed, by purpose. A purpose left out is allowed.

    measurement: keep the event at all. personalization: fold it into the visitor's
    features. training: let it become a label or a training feature.
    """

    measurement: bool = True
    personalization: bool = True
    training: bool = True


class Context(Struct, frozen=True, omit_defaults=True):
    """Where the event came from; position no finer than a city.

    bot: the user agent says that no person is behind it; None where nobody looked.
    """

    device: Text | None = None
    network: Text | None = None
    viewport: Text | None = None
    locale: Text | None = None
    time_zone: Text | None = None
    city: Text | None = None
    country: Text | None = None
    bot: bool | None = None


class Event(Struct, kw_only=True, omit_defaults=True):
    """One event as it travels on the topic `events`, JSON, keyed by `profile_id`.

    Identifiers of people are pseudonyms once the collector has written the event.
    An `identify` says that `anonymous_id` is `user_id`; an `alias`, that `previous_id` is, another
    name of the user's, or where there is none `anonymous_id`.
    Times are aware UTC. `price` is in the shop's currency, for one piece.
    """

    message_id: Identifier
    anonymous_id: Identifier | None = None
    user_id: Identifier | None = None
    previous_id: Identifier | None = None
    session_id: Identifier | None = None
    type: EventType
    timestamp: Instant
    sent_at: Instant | None = None
    received_at: Instant | None = None
    item_id: Identifier | None = None
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    price: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    position: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    recommendation_id: Identifier | None = None
    page_url: Text | None = None
    referrer: Text | None = None
    context: Context = Context()
    properties: dict[str, Any] = {}
    consent: Consent = Consent()
    version: int = SCHEMA_VERSION

    @property
    def profile_id(self) -> str:
        """The person: the user once known, else the anonymous visitor.

        Raises ValueError where the event names neither; the collector rejects those.
        """
        profile = self.user_id or self.anonymous_id
        if profile is None:
            raise ValueError(f"event {self.message_id}: expected user_id or anonymous_id, came neither")
        return profile


class InvalidEvent(ValueError):
    """An event that cannot be accepted; the message says what was expected and what came."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)
_fields = frozenset(Event.__struct_fields__)
_known_types = ", ".join(EventType)


def encode_event(event: Event) -> bytes:
    """JSON bytes of an event, as written to Kafka."""
    return _encoder.encode(event)


def decode_event(payload: bytes) -> Event:
    """An event from Kafka's bytes. Raises InvalidEvent."""
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent(str(error)) from error


def parse_event(raw: object) -> Event:
    """An event from a decoded JSON object; unknown fields move into `properties`.

    Raises InvalidEvent with the field's path, what was expected and what came.
    """
    if not isinstance(raw, dict):
        raise InvalidEvent(f"expected an object, came {type(raw).__name__}")
    kind = raw.get("type", UNSET)
    if isinstance(kind, UnsetType):
        raise InvalidEvent(f"expected a type, one of {_known_types}; came none")
    if kind not in EventType._value2member_map_:
        raise InvalidEvent(f"expected a type, one of {_known_types}; came {kind!r}")
    unknown = {name: raw[name] for name in raw if name not in _fields}
    known = {name: value for name, value in raw.items() if name in _fields and value is not None}
    if unknown:
        properties = known.get("properties", {})
        if not isinstance(properties, dict):
            raise InvalidEvent(f"expected properties to be an object, came {type(properties).__name__}")
        known["properties"] = {**unknown, **properties}
    try:
        event = msgspec.convert(known, Event, str_keys=True)
    except msgspec.ValidationError as error:
        raise InvalidEvent(str(error)) from error
    if event.user_id is None and event.anonymous_id is None:
        raise InvalidEvent("expected user_id or anonymous_id, came neither")
    return event


def event_schema() -> dict[str, Any]:
    """JSON Schema of the event, as committed in `contracts/schema/event.v1.json`."""
    plain: dict[str, Any] = _with_plain_descriptions(msgspec.json.schema(Event))
    return plain


def _with_plain_descriptions(schema: Any) -> Any:
    """The same without docstrings' indentation, which Python takes off from 3.13 on."""
    if isinstance(schema, list):
        return [_with_plain_descriptions(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: cleandoc(value) if name == "description" and isinstance(value, str) else _with_plain_descriptions(value)
        for name, value in schema.items()
    }
