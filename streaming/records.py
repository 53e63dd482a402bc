"""Records of the topic `events` as the worker understands them: an event, a forward, a merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from contracts.event import Event, InvalidEvent, decode_event
from contracts.topics import KIND_FORWARD, KIND_HEADER, KIND_MERGE, ORIGIN_HEADER
from features.state import UserState, decode_state


class KafkaRecord(Protocol):
    """The part of a consumed record that is read here."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Origin(NamedTuple):
    """Where a forward or merge came from, and how many partitions it has walked through."""

    partition: int
    offset: int
    hops: int

    def encode(self) -> bytes:
        """The value of ORIGIN_HEADER."""
        return f"{self.partition}:{self.offset}:{self.hops}".encode()

    @classmethod
    def decode(cls, value: bytes) -> Origin:
        """Raises ValueError where the value is not three integers."""
        try:
            partition, offset, hops = (int(part) for part in value.split(b":"))
        except ValueError as error:
            raise ValueError(f"{ORIGIN_HEADER}: expected partition:offset:hops, came {value!r}") from error
        return cls(partition, offset, hops)


def replayed_from(partition: int) -> int:
    """Stands for a partition of `events.rejected` in an origin, apart from those of `events`."""
    return -1 - partition


class Incoming(Struct):
    """One decoded record: `event` set for an event or a forward, `merged` for a merge, `reason` for poison.

    `origin` is set for a forward, a merge and a replayed event.
    """

    offset: int
    profile_id: str
    event: Event | None = None
    merged: UserState | None = None
    origin: Origin | None = None
    reason: str | None = None


def decode_record(record: KafkaRecord) -> Incoming:
    """What the record says; one that cannot be understood comes back with its `reason` and never raises."""
    try:
        if record.key is None or record.value is None:
            raise ValueError("expected a key and a value, came a record without")
        profile_id = record.key.decode()
        if record.headers:
            return _decode_marked(record.offset, profile_id, record.value, dict(record.headers))
        return _decode_event(record.offset, profile_id, record.value)
    except (InvalidEvent, ValueError) as error:
        return Incoming(record.offset, "", reason=str(error))


def _decode_event(offset: int, profile_id: str, value: bytes) -> Incoming:
    event = decode_event(value)
    if event.profile_id != profile_id:
        raise ValueError(f"expected the event's profile {event.profile_id!r} as key, came {profile_id!r}")
    return Incoming(offset, profile_id, event=event)


def _decode_marked(offset: int, profile_id: str, value: bytes, headers: Mapping[str, bytes]) -> Incoming:
    kind = headers.get(KIND_HEADER)
    if kind is None and ORIGIN_HEADER not in headers:
        return _decode_event(offset, profile_id, value)
    origin = Origin.decode(headers.get(ORIGIN_HEADER, b""))
    if kind is None:
        replayed = _decode_event(offset, profile_id, value)
        replayed.origin = origin
        return replayed
    if kind == KIND_FORWARD:
        return Incoming(offset, profile_id, event=decode_event(value), origin=origin)
    if kind == KIND_MERGE:
        return Incoming(offset, profile_id, merged=decode_state(value), origin=origin)
    raise ValueError(f"{KIND_HEADER}: expected forward or merge, came {kind!r}")


def is_derived(record: KafkaRecord) -> bool:
    """Whether the worker wrote the record: what it carries is on the topic already."""
    return any(name == KIND_HEADER for name, _ in record.headers)
