"""What a rebuild reads and from where it follows Kafka; what makes it impossible is found out here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from redis import Redis

from contracts.lake import USER_BEHAVIOR, identifier, open_catalog
from contracts.lanes import OWN_BULK
from contracts.settings import Settings
from contracts.topics import Topics
from streaming.checkpoint import Checkpoint
from streaming.lake_commit import Offsets, stored_offsets
from streaming.lake_events import LakeCut, read_cut

# A generation has been seen to take as much room as the one that it replaces, and a little while both
# are written to.
_ROOM = 1.1


class Trimmed(RuntimeError):
    """Kafka no longer has what follows the lake."""


class NoRoom(RuntimeError):
    """Redis cannot hold two generations."""


@dataclass(frozen=True)
class Plan:
    """The lake's events below `start` are folded, Kafka's from there on are followed."""

    cut: LakeCut
    start: Offsets

    def received(self, partition: int, homes: int) -> dict[int, int]:
        """By source, the newest offset that the home partition, of so many, need not take in again."""
        found = {source: offset - 1 for source, offset in self.start.items() if offset}
        for source, offset in self.cut.sources.items():
            into, _, origin = source.partition("/")
            if int(into) == partition and self.start.get(partition, 0) == self.cut.offsets.get(partition, 0):
                found[int(origin)] = offset
        bulk = self.start.get(partition + homes, 0)
        return found | {OWN_BULK: bulk - 1} if bulk else found


def make_plan(settings: Settings, redis: Redis, active: int) -> Plan:
    """Read the lake at its newest snapshot. Raises Trimmed, NoRoom, RedisError, KafkaError."""
    require_room(redis)
    cut = read_cut(settings)
    kept = _kept(settings, redis, active)
    first, last = _log_bounds(settings)
    start = {}
    for partition, end in last.items():
        reached = cut.offsets.get(partition, 0)
        # From where the history has a gap otherwise, if Kafka still has it.
        wanted = min(reached, max(kept.get(partition, 0), 0))
        start[partition] = wanted if wanted >= first[partition] else reached
        if start[partition] < first[partition]:
            raise Trimmed(
                f"events, partition {partition}: the lake reaches to offset {reached}, and Kafka begins at "
                f"{first[partition]}: what lay between is lost to a rebuild. Let the lake sink catch up before "
                "Kafka's retention ends; nothing has been changed"
            )
        if start[partition] > end:
            raise Trimmed(
                f"events, partition {partition}: the lake reaches to offset {reached}, and Kafka ends at {end}: "
                "bring Kafka's data back; nothing has been changed"
            )
    return Plan(cut, start)


def require_room(redis: Redis) -> None:
    """Raises NoRoom where what is in Redis would not fit a second time."""
    memory: Any = redis.info("memory")
    limit, used = int(memory["maxmemory"]), int(memory["used_memory"])
    data = int(memory["used_memory_dataset"])
    if limit and used + _ROOM * data > limit:
        raise NoRoom(
            f"Redis: expected room for {data >> 20} MiB more, as much as its data take now; it uses {used >> 20} of "
            f"{limit >> 20} MiB. Raise maxmemory until the rebuild is over; nothing has been changed"
        )


def _kept(settings: Settings, redis: Redis, active: int) -> Offsets:
    """By partition the first offset whose history nobody has published: not the states' own, nor in the lake."""
    checkpoint = Checkpoint(redis, prefix=settings.redis.key_prefix, generation=active)
    table = open_catalog(settings).load_table(identifier(USER_BEHAVIOR))
    _, published = stored_offsets(table, Topics(settings.kafka.topic_prefix).features)
    offsets = checkpoint.offsets(range(settings.kafka.partitions))
    return {partition: max(offset, published.get(str(partition), -1) + 1) for partition, offset in offsets.items()}


def _log_bounds(settings: Settings) -> tuple[Offsets, Offsets]:
    topic = Topics(settings.kafka.topic_prefix).events
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap, group_id=None)
    try:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        first, last = consumer.beginning_offsets(places), consumer.end_offsets(places)
    finally:
        consumer.close()
    return {one.partition: first[one] for one in places}, {one.partition: last[one] for one in places}
