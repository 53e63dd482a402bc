"""Kafka's default partitioning of keyed records, remembering the keys of late."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kafka.partitioner import DefaultPartitioner
from kafka.partitioner.default import murmur2

_REMEMBERED_KEYS = 65_536
_POSITIVE = 0x7FFFFFFF


class ProfilePartitioner(DefaultPartitioner):  # type: ignore[misc]
    """The same partition as kafka-python's default for each key; its murmur2 in Python costs most of a send."""

    def __init__(self) -> None:
        self._hash = lru_cache(maxsize=_REMEMBERED_KEYS)(murmur2)

    def partition(
        self, topic: str, key: Any, serialized_key: bytes | None, value: Any, serialized_value: Any, cluster: Any
    ) -> int:
        """The partition of a record. Raises ValueError where the topic is unknown."""
        if serialized_key is None:
            chosen: int = super().partition(topic, key, serialized_key, value, serialized_value, cluster)
            return chosen
        partitions = cluster.partitions_for_topic(topic)
        if not partitions:
            raise ValueError(f"expected a topic that Kafka knows, came {topic}")
        index = (self._hash(serialized_key) & _POSITIVE) % len(partitions)
        partition: int = sorted(partitions)[index]
        return partition
