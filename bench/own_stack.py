"""A Kafka and a Redis for one benchmark: own ports, own folder, nothing of the user's is touched."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.settings import Settings
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics


@contextmanager
def own_stack(settings: Settings) -> Iterator[Settings]:
    """`settings` with servers, home and prefixes that end with the block; topics exist, Feast is not applied."""
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
            yield own
        finally:
            kafka.kill()
            redis.kill()
