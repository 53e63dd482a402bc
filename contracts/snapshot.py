"""One row of feature history: what the worker writes to `features` and the lake keeps."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Snapshot(Struct, frozen=True, array_like=True):
    """A user's state after the event at `offset` of `partition` of `events`.

    `event_us` is the newest event time folded so far, `row_us` the strictly increasing
    timestamp of the online row; both microseconds since 1970 UTC. `state` is the encoded
    `UserState`. `training` is false where the visitor withheld that consent.
    """

    profile_id: str
    partition: int
    offset: int
    event_us: int
    row_us: int
    version: int
    training: bool
    state: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Msgpack bytes, as written to `features`."""
    return _encoder.encode(snapshot)


def decode_snapshot(payload: bytes) -> Snapshot:
    """A snapshot from Kafka's bytes. Raises msgspec.DecodeError."""
    return _decoder.decode(payload)
