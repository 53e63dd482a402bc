"""The floor under freshness: one process, Kafka's acknowledgement, consume, Redis write, Redis read; nothing else."""

from __future__ import annotations

import secrets
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from redis import Redis

from contracts.settings import Settings

EVENT_BYTES = 340
WARM_UP = 20


def straight_path_ms(settings: Settings, *, clicks: int) -> list[float]:
    """Milliseconds of each of `clicks` events from `send` to the value read back, on a topic made for it."""
    topic = f"bench-straight-{secrets.token_hex(4)}"
    bootstrap = settings.kafka.bootstrap
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=0)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_min_bytes=1)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    client = Redis.from_url(settings.redis.url)
    try:
        took = [_one(producer, consumer, client, topic) for _ in range(WARM_UP + clicks)]
        return took[WARM_UP:]
    finally:
        client.delete(topic)
        client.close()
        consumer.close(autocommit=False)
        producer.close()
        admin.delete_topics([topic])
        admin.close()


def _one(producer: KafkaProducer, consumer: KafkaConsumer, client: Redis, key: str) -> float:
    value = secrets.token_bytes(EVENT_BYTES)
    began_s = time.perf_counter()
    producer.send(key, value).get(timeout=10)
    found = b""
    while found != value:
        for records in consumer.poll(timeout_ms=1000).values():
            found = records[-1].value
    client.set(key, found)
    if client.get(key) != value:
        raise RuntimeError("expected to read what was written, got something else")
    return (time.perf_counter() - began_s) * 1000
