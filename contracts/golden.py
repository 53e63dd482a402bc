"""Golden requests: visitors as they were at an instant, and what the model that was trained answered them.

They travel with the model, and who loads it asks them again: another answer means that the model, or the
features that it reads, are not what they were.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

GOLDEN_FILE = "golden.json"


class GoldenRequest(Struct, frozen=True):
    """An encoded `UserState`, the instant in microseconds since 1970 UTC, and what retrieval finds, best first.

    Where a ranker goes along, `items` are all that it is given, and `ranked` and `chances` what it puts
    first of them; they are empty in a model without one, or of before these were kept.
    """

    state: bytes
    at_us: int
    items: tuple[str, ...]
    scores: tuple[float, ...]
    ranked: tuple[str, ...] = ()
    chances: tuple[float, ...] = ()


class Golden(Struct, frozen=True):
    """`tolerance` is what a score may differ by, relative to it or to 1 where that is more, and a chance to itself."""

    tolerance: float
    requests: tuple[GoldenRequest, ...]


def read_golden(directory: Path) -> Golden:
    """The golden requests of a model. Raises ValueError where there are none to be read, OSError without the file."""
    path = directory / GOLDEN_FILE
    try:
        golden = msgspec.json.decode(path.read_bytes(), type=Golden)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected golden requests: {error}") from error
    if not golden.requests:
        raise ValueError(f"{path}: expected golden requests, came an empty list")
    return golden
