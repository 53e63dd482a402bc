"""When an event was, whatever the client's clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.convert import Envelope
from collector.refusal import Reason
from tests.collector.messages import NOW, one, refusal, track


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "expected"),
    [
        ("2026-11-21T11:59:00Z", None, NOW - timedelta(minutes=1)),
        ("2026-11-21T13:59:00+02:00", None, NOW - timedelta(minutes=1)),
        # An hour ahead: the click came ten seconds before the sending.
        ("2026-11-21T12:59:50Z", "2026-11-21T13:00:00Z", NOW - timedelta(seconds=10)),
        # A day behind.
        ("2026-11-20T11:59:50Z", "2026-11-20T12:00:00Z", NOW - timedelta(seconds=10)),
        # A clock that was never set.
        ("1970-01-01T00:01:00Z", "1970-01-01T00:02:00Z", NOW - timedelta(minutes=1)),
        # The network's delay is no skew.
        ("2026-11-21T11:59:00.123Z", "2026-11-21T11:59:59Z", datetime(2026, 11, 21, 11, 59, 0, 123000, tzinfo=UTC)),
        # In the future, and nothing to correct by.
        ("2026-11-22T12:00:00Z", None, NOW),
        # After its own sending.
        ("2026-11-21T14:00:00Z", "2026-11-21T13:00:00Z", NOW),
        (None, "2026-11-21T13:00:00Z", NOW),
        # A year ago, told by a right clock.
        ("2025-11-21T12:00:00Z", "2026-11-21T12:00:00Z", datetime(2025, 11, 21, 12, tzinfo=UTC)),
    ],
)
def test_event_time_is_freed_of_the_clients_skew(timestamp: str, sent_at: str, expected: datetime) -> None:
    assert one(track("click", timestamp=timestamp), Envelope(NOW, sent_at=sent_at)).timestamp == expected
    assert one(track("click", timestamp=timestamp, sentAt=sent_at)).timestamp == expected


def test_original_timestamp_stands_in_for_the_timestamp() -> None:
    event = one(track("click", originalTimestamp="2026-11-21T11:00:00Z"))
    assert event.timestamp == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("timestamp", "message"),
    [
        ("yesterday", "expected timestamp as ISO 8601 with a time zone, came 'yesterday'"),
        ("2026-11-21T12:00:00", "expected timestamp with a time zone"),
        ("2026-13-21T12:00:00Z", "expected timestamp as ISO 8601"),
        (1795263603, "expected timestamp to be an ISO 8601 string with a time zone, came a number"),
        ({}, "came an object"),
        ("1999-12-31T23:59:59Z", "expected a timestamp from 2000-01-01 on"),
        ("0001-01-01T00:00:00Z", "expected a timestamp from 2000-01-01 on"),
    ],
)
def test_garbage_timestamp_is_refused(timestamp: Any, message: str) -> None:
    error = refusal(track("click", timestamp=timestamp))
    assert error.reason is Reason.INVALID_TIME
    assert message in str(error)


def test_garbage_sending_time_is_refused() -> None:
    assert "expected sentAt as ISO 8601" in str(refusal(track("click", sentAt="soon")))
