"""The lanes of the topic `events`: what visitors do to things, and what their pages report by the dozen.

With n partitions in the settings the topic has LANES x n: partition p of the main lane and partition
p + n of the bulk lane are the same home, where the states of the profiles that hash there live.
"""

from __future__ import annotations

from functools import lru_cache

from kafka.partitioner.default import murmur2

from contracts.event import EventType

LANES = 2
MAIN, BULK = range(LANES)

# Among the sources of a home's `received` offsets: its own bulk lane, with the newest offset folded.
OWN_BULK = -1_000_000

# Many, small, and nobody's next recommendation hangs on one: these let the others go first.
_BULK_TYPES = frozenset(
    {EventType.IMPRESSION, EventType.SCROLL, EventType.HOVER, EventType.DWELL, EventType.VIDEO_PROGRESS}
)
_POSITIVE = 0x7FFFFFFF
_REMEMBERED_KEYS = 65_536


def lane_of(event_type: EventType) -> int:
    """MAIN or BULK."""
    return BULK if event_type in _BULK_TYPES else MAIN


def home_of(partition: int, partitions: int) -> int:
    """The home that a Kafka partition of `events` belongs to, of `partitions` in the settings."""
    return partition % partitions


def partition_for(profile_id: str, event_type: EventType, partitions: int) -> int:
    """The Kafka partition of `events` that a visitor's event goes to."""
    return home_for(profile_id.encode(), partitions) + lane_of(event_type) * partitions


@lru_cache(maxsize=_REMEMBERED_KEYS)
def home_for(key: bytes, partitions: int) -> int:
    """The home of a profile by its key: murmur2, as Kafka's own clients place keyed records."""
    return int((murmur2(key) & _POSITIVE) % partitions)
