"""Redis keys of the worker's state. Feast's own keys are Feast's business."""

from __future__ import annotations

import re
from dataclasses import dataclass

_GLOB = re.compile(rb"[*?\[\]\\]")


@dataclass(frozen=True)
class StateKeys:
    """Keys of one home partition of `events` (see `contracts.lanes`).

    All share the hash tag `{events-N}`, so one transaction can hold them on Redis Cluster.
    Generations live beside each other; the first, 0, has no word for it in its keys.
    """

    partition: int
    prefix: str = ""
    generation: int = 0

    @property
    def _stem(self) -> str:
        generation = f":g{self.generation}" if self.generation else ""
        return f"{self.prefix}{{events-{self.partition}}}{generation}"

    @property
    def offset(self) -> str:
        """Holds the next offset to read of the main lane, a decimal integer."""
        return f"{self._stem}:offset"

    def state(self, profile_id: str) -> str:
        """Holds the profile's encoded `UserState`."""
        return f"{self._stem}:state:{profile_id}"

    @property
    def received(self) -> str:
        """Hash: source partition to the newest offset there whose forward or merge was taken in, own bulk lane too."""
        return f"{self._stem}:received"

    @property
    def outbox(self) -> str:
        """Holds what follows from the newest batch and may not be on Kafka yet, `streaming.parcels.pack`."""
        return f"{self._stem}:outbox"

    @property
    def owed(self) -> str:
        """Set: profiles whose online rows may be older than their states."""
        return f"{self._stem}:owed"


def glob_literal(text: bytes) -> bytes:
    """`text` as a pattern of Redis that matches it alone."""
    return _GLOB.sub(rb"\\\g<0>", text)


def generation_key(prefix: str = "") -> str:
    """Holds the active generation of states and online rows, a decimal integer; absent, it is 0."""
    return f"{prefix}generation"


def owner_key(prefix: str = "") -> str:
    """Names who folds the events: the workers or a Spark query; see `streaming.ownership`."""
    return f"{prefix}fold-owner"
