"""How many events each consumer still has before it, by partition."""

from __future__ import annotations

import contextlib
from typing import Any

from contracts.lanes import LANES
from contracts.settings import Settings
from contracts.topics import Topics

TIMEOUT_MS = 3000
TIMEOUT_S = TIMEOUT_MS / 1000

Offsets = dict[int, int]


def consumer_lag(settings: Settings) -> dict[str, dict[str, Any]]:
    """Lag of worker and lake on the topic `events`: `total` and by partition.

    A consumer whose place cannot be read is left out; without Kafka, both are.
    """
    from kafka.errors import KafkaError
    from redis import RedisError

    try:
        ends, lake = _kafka_offsets(settings)
    except (KafkaError, OSError):
        return {}
    found = {"lake": _behind(ends, lake)}
    with contextlib.suppress(RedisError, OSError):
        found["worker"] = _behind(ends, _state_offsets(settings))
    return found


def _behind(ends: Offsets, at: Offsets) -> dict[str, Any]:
    partitions = {str(number): max(0, end - at.get(number, 0)) for number, end in sorted(ends.items())}
    return {"total": sum(partitions.values()), "partitions": partitions}


def _kafka_offsets(settings: Settings) -> tuple[Offsets, Offsets]:
    """Where `events` ends, and what the lake has reported to its group."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap,
        group_id=settings.kafka.topic_prefix + settings.lake.group,
        enable_auto_commit=False,
        request_timeout_ms=TIMEOUT_MS,
        bootstrap_timeout_ms=TIMEOUT_MS,
    )
    try:
        topic = Topics(settings.kafka.topic_prefix).events
        places = [TopicPartition(topic, number) for number in range(LANES * settings.kafka.partitions)]
        ends = {place.partition: end for place, end in consumer.end_offsets(places).items()}
        return ends, {place.partition: consumer.committed(place) or 0 for place in places}
    finally:
        consumer.close(autocommit=False)


def _state_offsets(settings: Settings) -> Offsets:
    """What the worker has committed with its states."""
    from redis import Redis

    from streaming.checkpoint import Checkpoint

    with Redis.from_url(settings.redis.url, socket_timeout=TIMEOUT_S) as client:
        checkpoint = Checkpoint(client, prefix=settings.redis.key_prefix)
        checkpoint.follow()
        return checkpoint.offsets(range(settings.kafka.partitions))
