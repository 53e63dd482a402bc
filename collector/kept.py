"""A refused message as it is kept: in the contract's names, so that a replay can read it, without a person in it."""

from __future__ import annotations

from typing import Any

import msgspec

from collector.clock import event_time, read_instant
from collector.consent import read_consent
from collector.context import read_context
from collector.convert import MAX_PRODUCTS, Envelope, product_fields, read_type
from collector.fields import lift, read_identifier, split
from collector.names import LISTED
from collector.refusal import Refused
from collector.sealed import Record, Sealer
from contracts.event import EventType
from contracts.rejected import Rejected
from privacy.strip import TooDeep, replace_identifiers, strip_properties, strip_traits, strip_value
from privacy.text import clean_text

SOURCE = "collector"
_encoder = msgspec.json.Encoder()
_STRUCTURED = frozenset({"consent", "item_id"})
_PSEUDONYMISED = {
    "anonymousId": "anonymous", "anonymous_id": "anonymous", "userId": "user", "user_id": "user",
    "previousId": "user", "previous_id": "user",
}  # fmt: skip


def is_withheld(raw: Any, envelope: Envelope) -> bool:
    """Whether the visitor withheld measurement, or nobody can tell: then nothing of the message is kept."""
    if type(raw) is not dict:
        return False
    context = raw.get("context") or envelope.context
    properties = raw.get("properties")
    own = raw.get("consent") or (properties.get("consent") if type(properties) is dict else None)
    try:
        return not read_consent(own, context).measurement
    except Refused:
        return True


def rejection_records(
    raw: Any, envelope: Envelope, reason: str, *, sealer: Sealer, topic: str, max_bytes: int
) -> list[Record]:
    """Records for the topic of refused events; one for each product of an order or a list.

    What is too large or too deep is kept as its reason alone.
    """
    identifiers = _identifiers(raw, sealer)
    said = replace_identifiers(clean_text(reason), identifiers)
    try:
        raws = _kept(raw, envelope, sealer)
    except TooDeep:
        raws = [None]
    records = []
    for kept in raws:
        cleaned = _replaced(kept, identifiers)
        rejected = Rejected(reason=said, source=SOURCE, rejected_at=envelope.received_at, raw=cleaned)
        value = _encoder.encode(rejected)
        if len(value) > max_bytes:
            value = _encoder.encode(Rejected(reason=said, source=SOURCE, rejected_at=envelope.received_at))
        records.append(Record(topic, _key(kept), value))
    return records


def _key(kept: Any) -> bytes | None:
    if type(kept) is not dict:
        return None
    profile = kept.get("user_id") or kept.get("anonymous_id")
    return profile.encode() if type(profile) is str else None


def _identifiers(raw: Any, sealer: Sealer) -> dict[str, str]:
    found: dict[str, str] = {}
    if type(raw) is not dict:
        return found
    for name, pseudonym in _PSEUDONYMISED.items():
        value = raw.get(name)
        if type(value) is str and value:
            found[value] = getattr(sealer, pseudonym)(value)
    return found


def _replaced(kept: Any, identifiers: dict[str, str]) -> Any:
    if type(kept) is not dict:
        return replace_identifiers(kept, identifiers)
    return {
        name: value if name in _STRUCTURED or isinstance(value, EventType) else replace_identifiers(value, identifiers)
        for name, value in kept.items()
    }


def _kept(raw: Any, envelope: Envelope, sealer: Sealer) -> list[Any]:
    if type(raw) is not dict:
        return [strip_value(raw)]
    fields, unknown = split(raw)
    given = fields.pop("properties", None)
    properties = {**unknown, **given} if type(given) is dict else dict(unknown)
    properties = dict(lift(properties, fields))
    kind = _kind(raw, envelope)
    products = properties.pop("products", None) if kind in LISTED else None
    kept = _cleaned(fields, envelope, sealer)
    kept["type"] = kind or clean_text(str(raw.get("event") or raw.get("type")))
    kept["received_at"] = envelope.received_at
    stripped = strip_properties(properties)
    if given is not None and type(given) is not dict:
        stripped["properties"] = strip_value(given)
    traits = fields.get("traits")
    if type(traits) is dict:
        stripped |= strip_traits(traits)
    if kind is not None and type(products) is list and 0 < len(products) <= MAX_PRODUCTS:
        kept.setdefault("message_id", "")
        return [
            product_fields(kind, kept, stripped, index, product) if type(product) is dict else strip_value(product)
            for index, product in enumerate(products)
        ]
    if products is not None:
        stripped["products"] = strip_value(products)
    return [kept | {"properties": stripped}]


def _kind(raw: dict[str, Any], envelope: Envelope) -> EventType | None:
    try:
        return read_type(raw, envelope.call)
    except Refused:
        return None


def _cleaned(fields: dict[str, Any], envelope: Envelope, sealer: Sealer) -> dict[str, Any]:
    kept = {
        name: strip_value(value)
        for name, value in fields.items()
        if name
        not in ("context", "traits", "event", "type", "user_id", "anonymous_id", "previous_id", "original_timestamp")
    }
    if fields.get("previous_id") == fields.get("anonymous_id"):
        fields.pop("previous_id", None)
    for name, pseudonym in (
        ("anonymous_id", sealer.anonymous),
        ("user_id", sealer.user),
        ("previous_id", sealer.user),
    ):
        try:
            identifier = read_identifier(name, fields.get(name))
        except Refused:
            continue
        if identifier is not None:
            kept[name] = pseudonym(identifier)
    context = fields.get("context") or envelope.context
    if type(context) is dict:
        kept["context"] = read_context(context)
    try:
        timestamp = fields.get("timestamp", fields.get("original_timestamp"))
        sent_at = fields.get("sent_at", envelope.sent_at)
        kept["timestamp"] = event_time(
            None if timestamp is None else read_instant("timestamp", timestamp),
            None if sent_at is None else read_instant("sentAt", sent_at),
            envelope.received_at,
        )
    except Refused:
        return kept
    return kept
