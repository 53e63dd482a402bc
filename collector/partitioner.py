"""Which partition a record goes to: an event to its home's partition of its lane."""

from __future__ import annotations

from dataclasses import dataclass

from collector.sealed import Record
from contracts.lanes import LANES, home_for


@dataclass(frozen=True)
class Placing:
    """The topic `events` has `partitions` a lane; records of other topics go where Kafka's client puts them."""

    events: str
    partitions: int

    def partition(self, record: Record) -> int | None:
        """The record's partition; None where the client is to choose."""
        if record.topic != self.events or record.key is None:
            return None
        return home_for(record.key, self.partitions) + record.lane * self.partitions

    def fits(self, topic: str, partitions: int) -> bool:
        """Whether a topic of so many partitions has what `partition` names."""
        return topic != self.events or partitions == LANES * self.partitions

    def wanted(self, topic: str) -> str:
        """What `fits` asks for, in words."""
        return f"{LANES} lanes of {self.partitions} partitions" if topic == self.events else "any number of partitions"
