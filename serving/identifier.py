"""Recommendation ids: unique, and in the order they were made."""

from __future__ import annotations

import secrets
from uuid import UUID

_VERSION = 7 << 76
_VARIANT = 0b10 << 62
_MICROSECONDS_A_MS = 1000
_FRACTION_STEPS = 4096


def recommendation_id(at_us: int) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7) made at `at_us` microseconds since 1970 UTC.

    The 12 bits after the milliseconds hold the fraction of the millisecond (section 6.2,
    method 3), so ids of one process sort by time to the microsecond.
    """
    millisecond, rest_us = divmod(at_us, _MICROSECONDS_A_MS)
    fraction = rest_us * _FRACTION_STEPS // _MICROSECONDS_A_MS
    return str(UUID(int=millisecond << 80 | _VERSION | fraction << 64 | _VARIANT | secrets.randbits(62)))
