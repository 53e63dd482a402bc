"""What a batch sends to Kafka: history, forwards and merges, and what could not be understood."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts.rejected import Rejected
from contracts.snapshot import Snapshot, bundles, encode_snapshots
from contracts.topics import KIND_HEADER, ORIGIN_HEADER, TRAIL_HEADER, Topics
from streaming.folding import PartitionFold
from streaming.outbox import Outbox

SOURCE = "worker"
_encoder = msgspec.json.Encoder()


def publish(
    outbox: Outbox,
    topics: Topics,
    folds: Sequence[PartitionFold],
    histories: Sequence[Sequence[Snapshot]],
    polled: dict[int, list[Any]],
) -> None:
    """Send all that follows from the folds and wait for Kafka to have it. Raises KafkaError, Interrupted."""
    for fold, history in zip(folds, histories, strict=True):
        for bundle in bundles(history):
            outbox.send(topics.features, encode_snapshots(bundle), partition=fold.partition)
        for record in fold.outgoing:
            headers = [(KIND_HEADER, record.kind), (ORIGIN_HEADER, record.origin.encode())]
            if record.trail.profiles:
                headers.append((TRAIL_HEADER, record.trail.encode()))
            outbox.send(topics.events, record.body, key=record.profile_id.encode(), headers=headers)
        if fold.rejected:
            raws = {record.offset: record.value for record in polled[fold.partition]}
            for offset, reason in fold.rejected:
                refusal = Rejected(
                    reason=reason,
                    source=SOURCE,
                    rejected_at=datetime.now(UTC),
                    raw=_readable(raws[offset]),
                    topic=topics.events,
                    partition=fold.partition,
                    offset=offset,
                )
                outbox.send(topics.rejected, _encoder.encode(refusal))
    outbox.flush()


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
