"""Records that follow from a batch: made before its commit, kept in it, sent after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from contracts.snapshot import Snapshot, decode_snapshots

Header = tuple[str, bytes]


class Parcel(Struct, frozen=True, array_like=True):
    """One record for Kafka: to the partition named, else to the one of its key."""

    topic: str
    value: bytes
    key: bytes | None = None
    partition: int | None = None
    headers: Sequence[Header] = ()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Parcel])


def pack(parcels: Sequence[Parcel]) -> bytes:
    """The parcels as a commit keeps them; nothing for none."""
    return _encoder.encode(parcels) if parcels else b""


def unpack(payload: bytes) -> list[Parcel]:
    """Parcels from a commit. Raises msgspec.DecodeError."""
    return _decoder.decode(payload) if payload else []


def newest_rows(parcels: Iterable[Parcel], features: str) -> list[Snapshot]:
    """Of the snapshots on their way to the topic `features` the last of each profile: its online row."""
    newest: dict[str, Snapshot] = {}
    for parcel in parcels:
        if parcel.topic == features:
            newest.update((one.profile_id, one) for one in decode_snapshots(parcel.value))
    return list(newest.values())
