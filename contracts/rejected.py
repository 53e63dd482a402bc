"""What could not be accepted, kept with its reason until `clickloop replay` brings it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct


class Rejected(Struct, frozen=True, omit_defaults=True):
    """A refused event on `events.rejected`.

    `raw` is the event as it came (identifiers already pseudonyms, addresses stripped),
    `source` the room that refused it; a refusal downstream of Kafka also names the
    topic, partition and offset of the record.
    """

    reason: str
    source: str
    rejected_at: datetime
    raw: Any = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
