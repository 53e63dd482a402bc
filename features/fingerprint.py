"""A short digest of all values of a profile at an instant: equal digests, equal values."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np

from features.values import FEATURES

_BYTES = 8
# Bits of a double that do not count: another machine's logarithm may differ in the last one.
_SLACK_BITS = np.uint64(16)
_HALF = np.uint64(1 << 15)
_encoder = msgspec.msgpack.Encoder()
# Which features were taken in: digests of other ones say nothing of each other.
_KIND = blake2b(repr([(spec.name, spec.dtype) for spec in FEATURES]).encode(), digest_size=2).hexdigest()


def fingerprint(values: Mapping[str, Any]) -> str:
    """Hexadecimal digits over every feature of `features.values.FEATURES`, lists in their order.

    The first 4 stand for the features' names and types, the other 16 for their values. Floats count
    to 36 bits, relative 1.5e-11. Raises KeyError where a feature is missing.
    """
    plain: list[Any] = []
    floats: list[float] = []
    for spec in FEATURES:
        value = values[spec.name]
        if spec.dtype == "float":
            floats.append(value)
        elif spec.dtype == "floats":
            floats += value
            plain.append(len(value))
        else:
            plain.append(value)
    rounded = (np.array(floats, np.float64).view(np.uint64) + _HALF) >> _SLACK_BITS
    return _KIND + blake2b(_encoder.encode(plain) + rounded.tobytes(), digest_size=_BYTES).hexdigest()


def of_same_features(digest: str) -> bool:
    """Whether a digest was made of the features that there are now."""
    return digest.startswith(_KIND)
