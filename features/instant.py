"""Event time as integer microseconds since 1970 UTC: exact, small, and free of calendars."""

from __future__ import annotations

from datetime import UTC, datetime

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 UTC of an aware datetime.

    Exact until the year 2255: below 2**53 microseconds a double is within a quarter of one.
    """
    return round(instant.timestamp() * 1e6)


def from_us(us: int) -> datetime:
    """The aware UTC datetime at `us` microseconds since 1970."""
    return datetime.fromtimestamp(us // SECOND_US, UTC).replace(microsecond=us % SECOND_US)
