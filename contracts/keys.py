"""Redis keys of the worker's state. Feast's own keys are Feast's business."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StateKeys:
    """Keys of one partition of `events`.

    All share the hash tag `{events-N}`, so one transaction can hold them on Redis Cluster.
    """

    partition: int
    prefix: str = ""

    @property
    def offset(self) -> str:
        """Holds the next offset to read, a decimal integer."""
        return f"{self.prefix}{{events-{self.partition}}}:offset"

    def state(self, profile_id: str) -> str:
        """Holds the profile's encoded `UserState`."""
        return f"{self.prefix}{{events-{self.partition}}}:state:{profile_id}"

    @property
    def received(self) -> str:
        """Hash: source partition to the newest offset there whose forward or merge was taken in."""
        return f"{self.prefix}{{events-{self.partition}}}:received"
