"""A Kafka and a Redis for one benchmark: own ports, own folder, nothing of the user's is touched."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.settings import Settings
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics


@dataclass(frozen=True)
class OwnStack:
    """Settings bound to servers of their own, and the servers."""

    settings: Settings
    kafka: KafkaServer
    redis: RedisServer


@contextmanager
def own_servers(settings: Settings) -> Iterator[OwnStack]:
    """Servers, and `settings` with their places, home and prefixes, that end with the block.

    The topics exist, Feast is not applied.
    """
    with tempfile.TemporaryDirectory(prefix="clickloop-bench-") as directory:
        home = Path(directory)
        kafka, redis = KafkaServer(settings.project, home / "kafka"), RedisServer(home / "redis")
        try:
            kafka.start()
            redis.start()
            prefix = f"bench-{secrets.token_hex(3)}-"
            own = settings.model_copy(
                update={
                    "home": home,
                    "kafka": settings.kafka.model_copy(update={"bootstrap": kafka.bootstrap, "topic_prefix": prefix}),
                    "redis": settings.redis.model_copy(update={"url": redis.url, "key_prefix": prefix}),
                }
            )
            create_topics(own)
            yield OwnStack(own, kafka, redis)
        finally:
            kafka.kill()
            redis.kill()


@contextmanager
def own_stack(settings: Settings) -> Iterator[Settings]:
    """The settings of `own_servers` alone."""
    with own_servers(settings) as own:
        yield own.settings
