"""Rows of feature history: what the worker writes to `features`, many to a record, and the lake keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import zstandard
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


# What a record of `features` holds before compression: far from the 1 MiB at which Kafka refuses it.
BUNDLE_BYTES = 768 * 1024

_encoder = msgspec.msgpack.Encoder()


class _Threads(threading.local):
    # A compressor's tables take longer to make than a small bundle to compress, and serve one thread at a time.
    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)


_threads = _Threads()
_decoder = msgspec.msgpack.Decoder(list[Snapshot])


def encode_snapshots(snapshots: Sequence[Snapshot]) -> bytes:
    """One record of `features`: snapshots in offset order, zstd over msgpack.

    A profile's snapshots differ little from each other, so together they take a fraction of the room.
    """
    return _threads.compressor.compress(_encoder.encode(snapshots))


def decode_snapshots(payload: bytes) -> list[Snapshot]:
    """The snapshots of one record of `features`. Raises ValueError where it holds anything else."""
    try:
        return _decoder.decode(zstandard.ZstdDecompressor().decompress(payload))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise ValueError(f"expected zstd over a msgpack list of snapshots: {error}") from error


def bundles(snapshots: Iterable[Snapshot]) -> Iterator[list[Snapshot]]:
    """The snapshots in order, in lists that fit a record."""
    bundle: list[Snapshot] = []
    size = 0
    for snapshot in snapshots:
        size += len(snapshot.state)
        if bundle and size > BUNDLE_BYTES:
            yield bundle
            bundle, size = [], len(snapshot.state)
        bundle.append(snapshot)
    if bundle:
        yield bundle
