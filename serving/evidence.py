"""What an answer's log entry says of the values behind it, so that history can be held against them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from msgspec.structs import replace

from contracts.recommend import Served
from features.fingerprint import fingerprint

_CODES = 1 << 32


def with_values(served: Served, values: Mapping[str, Any], *, share: float) -> Served:
    """The entry with a digest of all `values`, and for a share of the answers with those it does not hold yet.

    The recommendation's id decides whether it is one of the share.
    """
    rest = {}
    if crc32(served.recommendation_id.encode()) < share * _CODES:
        rest = {name: value for name, value in values.items() if name not in served.features}
    return replace(served, digest=fingerprint(values), values=rest)
