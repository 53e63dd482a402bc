"""What a batch has to say to Kafka: history, forwards and merges, and what could not be understood."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts.rejected import Rejected
from contracts.snapshot import Snapshot, bundles, encode_snapshots
from contracts.topics import GENERATION_HEADER, KIND_HEADER, ORIGIN_HEADER, TRAIL_HEADER, Topics
from streaming.folding import PartitionFold
from streaming.parcels import Parcel

SOURCE = "worker"
_encoder = msgspec.json.Encoder()


def parcels_of(
    fold: PartitionFold, history: Sequence[Snapshot], records: Sequence[Any], topics: Topics, generation: int = 0
) -> list[Parcel]:
    """All that follows from one partition's batch of `records`, folded into states of `generation`."""
    parcels = [
        Parcel(topics.features, encode_snapshots(bundle), partition=fold.partition) for bundle in bundles(history)
    ]
    for record in fold.outgoing:
        headers = [(KIND_HEADER, record.kind), (ORIGIN_HEADER, record.origin.encode())]
        if record.trail.profiles:
            headers.append((TRAIL_HEADER, record.trail.encode()))
        if generation:
            headers.append((GENERATION_HEADER, b"%d" % generation))
        parcels.append(Parcel(topics.events, record.body, key=record.profile_id.encode(), headers=headers))
    raws = {(record.partition, record.offset): record.value for record in records} if fold.rejected else {}
    for partition, offset, reason in fold.rejected:
        where = (topics.events, partition, offset)
        parcels.append(Parcel(topics.rejected, refusal(SOURCE, reason, raws[partition, offset], where)))
    return parcels


def refusal(source: str, reason: str, value: bytes | None, where: tuple[str, int, int]) -> bytes:
    """A record of `events.rejected` for one at `where`: topic, partition, offset."""
    topic, partition, offset = where
    return _encoder.encode(
        Rejected(
            reason=reason,
            source=source,
            rejected_at=datetime.now(UTC),
            raw=_readable(value),
            topic=topic,
            partition=partition,
            offset=offset,
        )
    )


def _readable(value: bytes | None) -> object:
    """The record as JSON can hold it: parsed, else its text, else base64 under a name that says so."""
    if value is None:
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
