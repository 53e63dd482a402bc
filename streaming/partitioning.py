"""Which partition of `events` a profile belongs to: kafka-python's default, murmur2."""

from __future__ import annotations

from functools import lru_cache

from kafka.partitioner.default import murmur2

_POSITIVE = 0x7FFFFFFF


@lru_cache(maxsize=65_536)
def partition_of(profile_id: str, partitions: int) -> int:
    """The partition that a keyed record of this profile goes to, of `partitions` in all."""
    return int((murmur2(profile_id.encode()) & _POSITIVE) % partitions)
