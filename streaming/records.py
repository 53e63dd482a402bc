"""Records of the topic `events` as the worker understands them: an event, a forward, a merge, a word on an alias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from contracts.event import Event, InvalidEvent, decode_event
from contracts.topics import (
    GENERATION_HEADER,
    KIND_ALIAS,
    KIND_FORWARD,
    KIND_HEADER,
    KIND_MERGE,
    KIND_TURN,
    ORIGIN_HEADER,
    TRAIL_HEADER,
)
from features.state import UserState, decode_state
from streaming.aliases import UNTOUCHED, Trail


class KafkaRecord(Protocol):
    """The part of a consumed record that is read here."""

    partition: int
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


class Become(Struct, frozen=True):
    """A word to a profile on its alias.

    claim: it is `target`, unless it is somebody's already (an anonymous profile at a login).
    union: it, or whoever it has become, is `target`, for two names of one person have been made known.
    shortcut: it is an alias, and records for it end at `target`.

    `at_us` is the time of the event that said so.
    """

    how: Literal["claim", "union", "shortcut"]
    target: str
    at_us: int = 0


_become_encoder = msgspec.json.Encoder()
_become_decoder = msgspec.json.Decoder(Become)


def encode_become(become: Become) -> bytes:
    """JSON bytes of a word on an alias."""
    return _become_encoder.encode(become)


class Incoming(Struct):
    """One decoded record: `event` set for an event or a forward, `merged` for a merge, `become` for a word on
    an alias, `reason` for poison.

    `origin` is set for what the worker wrote and for a replayed event; `trail` names who passed it on.
    """

    partition: int
    offset: int
    profile_id: str
    event: Event | None = None
    merged: UserState | None = None
    become: Become | None = None
    origin: Origin | None = None
    trail: Trail = UNTOUCHED
    reason: str | None = None


def decode_record(record: KafkaRecord) -> Incoming:
    """What the record says; one that cannot be understood comes back with its `reason` and never raises."""
    incoming = Incoming(record.partition, record.offset, "")
    try:
        headers = dict(record.headers) if record.headers else {}
        if headers.get(KIND_HEADER) != KIND_TURN:
            _read(incoming, record, headers)
    except (InvalidEvent, ValueError) as error:
        return Incoming(record.partition, record.offset, "", reason=str(error))
    return incoming


def _read(incoming: Incoming, record: KafkaRecord, headers: Mapping[str, bytes]) -> None:
    if record.key is None or record.value is None:
        raise ValueError("expected a key and a value, came a record without")
    incoming.profile_id = record.key.decode()
    if headers:
        _read_marked(incoming, record.value, headers)
    else:
        _read_event(incoming, record.value)


def _read_event(incoming: Incoming, value: bytes) -> None:
    incoming.event = event = decode_event(value)
    if event.profile_id != incoming.profile_id:
        raise ValueError(f"expected the event's profile {event.profile_id!r} as key, came {incoming.profile_id!r}")


def _read_marked(incoming: Incoming, value: bytes, headers: Mapping[str, bytes]) -> None:
    kind = headers.get(KIND_HEADER)
    if kind is not None or ORIGIN_HEADER in headers:
        incoming.origin = Origin.decode(headers.get(ORIGIN_HEADER, b""))
    if kind is None:
        _read_event(incoming, value)
    else:
        trail = Trail.decode(headers[TRAIL_HEADER]) if TRAIL_HEADER in headers else UNTOUCHED
        read_derived(incoming, kind, value, trail)


def read_derived(incoming: Incoming, kind: bytes, body: bytes, trail: Trail) -> None:
    """Into `incoming` what a record says that the worker wrote. Raises InvalidEvent, ValueError."""
    incoming.trail = trail
    if kind == KIND_FORWARD:
        incoming.event = decode_event(body)
    elif kind == KIND_MERGE:
        incoming.merged = decode_state(body)
    elif kind == KIND_ALIAS:
        try:
            incoming.become = _become_decoder.decode(body)
        except msgspec.DecodeError as error:
            raise ValueError(f"expected a word on an alias, came {body[:80]!r}: {error}") from error
    else:
        raise ValueError(f"{KIND_HEADER}: expected forward, merge or alias, came {kind!r}")


def is_foreign(record: KafkaRecord, generation: int) -> bool:
    """Whether a worker on another generation of states wrote the record: this one has its own of it."""
    if not record.headers or not is_derived(record):
        return False
    return dict(record.headers).get(GENERATION_HEADER, b"0") != b"%d" % generation


def is_derived(record: KafkaRecord) -> bool:
    """Whether the worker wrote the record: what it carries is on the topic already."""
    return any(name == KIND_HEADER for name, _ in record.headers)
