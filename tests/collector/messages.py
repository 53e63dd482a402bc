"""Messages to convert, and what comes of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from collector.convert import Envelope, convert
from collector.refusal import Refused
from contracts.event import Event

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
ENVELOPE = Envelope(NOW)


def one(message: Any, envelope: Envelope = ENVELOPE) -> Event:
    (event,) = convert(message, envelope)
    return event


def refusal(message: Any, envelope: Envelope = ENVELOPE) -> Refused:
    with pytest.raises(Refused) as caught:
        convert(message, envelope)
    return caught.value


def track(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "messageId": "m1", "userId": "u1", **fields}
