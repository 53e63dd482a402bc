"""Event times: read, freed of the client's clock skew, kept out of the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from collector.refusal import Reason, Refused, kind_of, shown

# Below it the difference between sending and receiving is the network's, and shifting would only blur the order.
SKEW_TOLERANCE = timedelta(seconds=2)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def read_instant(name: str, value: object) -> datetime:
    """An ISO 8601 instant with its time zone. Raises Refused."""
    if type(value) is not str:
        raise Refused(
            Reason.INVALID_TIME, f"expected {name} to be an ISO 8601 string with a time zone, came {kind_of(value)}"
        )
    try:
        instant = msgspec.convert(value, datetime)
    except (msgspec.ValidationError, OverflowError) as error:
        raise Refused(
            Reason.INVALID_TIME, f"expected {name} as ISO 8601 with a time zone, came {shown(value)}"
        ) from error
    if instant.tzinfo is None:
        raise Refused(Reason.INVALID_TIME, f"expected {name} with a time zone (Z or +hh:mm), came {shown(value)}")
    return instant


def event_time(timestamp: datetime | None, sent_at: datetime | None, received_at: datetime) -> datetime:
    """When the event happened by our clock.

    `timestamp + (received_at - sent_at)` where the clocks differ by more than the tolerance;
    never after `received_at`, which also stands in for a missing timestamp.
    Raises Refused for an instant before 2000, which is a clock that was never set.
    """
    if timestamp is None:
        return received_at
    corrected = timestamp
    if sent_at is not None:
        skew = received_at - sent_at
        if abs(skew) > SKEW_TOLERANCE:
            try:
                corrected = timestamp + skew
            except OverflowError as error:
                raise Refused(Reason.INVALID_TIME, f"expected a timestamp near sentAt, came {timestamp}") from error
    if corrected > received_at:
        return received_at
    if corrected < EARLIEST:
        raise Refused(Reason.INVALID_TIME, f"expected a timestamp from {EARLIEST:%Y-%m-%d} on, came {corrected}")
    return corrected.astimezone(UTC)
