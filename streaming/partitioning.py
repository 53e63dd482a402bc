"""Where profiles and their records belong: the home partition, and one worker for both its lanes."""

from __future__ import annotations

from typing import Any

from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.partitioner import DefaultPartitioner
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from contracts.lanes import LANES, home_for


def partition_of(profile_id: str, partitions: int) -> int:
    """The home partition of a profile, of `partitions` in all."""
    return home_for(profile_id.encode(), partitions)


class HomePartitioner(DefaultPartitioner):  # type: ignore[misc]
    """Keyed records of `events` go to the main lane of their home; other topics as Kafka's clients do it."""

    def __init__(self, events: str, partitions: int) -> None:
        self._events = events
        self._partitions = partitions

    def partition(
        self, topic: str, key: Any, serialized_key: bytes | None, value: Any, serialized_value: Any, cluster: Any
    ) -> int:
        """The partition of a record that its sender has not placed."""
        if topic == self._events and serialized_key is not None:
            return home_for(serialized_key, self._partitions)
        chosen: int = super().partition(topic, key, serialized_key, value, serialized_value, cluster)
        return chosen


class _Homes:
    """The cluster's metadata with every topic as large as one of its lanes."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        partitions = self._cluster.partitions_for_topic(topic)
        return None if partitions is None else set(range(len(partitions) // LANES))


class HomeAssignor(RangePartitionAssignor):  # type: ignore[misc]
    """Kafka's range assignment of homes: whoever gets a home gets it in every lane."""

    name = "clickloop-homes"

    @classmethod
    def assign(cls, cluster: Any, members: Any) -> dict[str, Any]:
        """Each member's partitions."""
        found: dict[str, Any] = {}
        for member, assignment in RangePartitionAssignor.assign(_Homes(cluster), members).items():
            topics = []
            for topic, homes in assignment.assigned_partitions:
                width = len(cluster.partitions_for_topic(topic)) // LANES
                topics.append((topic, [home + lane * width for lane in range(LANES) for home in homes]))
            found[member] = ConsumerProtocolAssignment(cls.version, topics, b"")
        return found
