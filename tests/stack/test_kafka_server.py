"""The broker starts, keeps what it acknowledged, and takes the topics that the stack needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from contracts.settings import Settings
from stack.kafka_server import KafkaServer, kafka_ready
from stack.server_process import ServerError
from stack.topics import TopicError, create_topics


@contextmanager
def _producer(bootstrap: str) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    yield producer
    producer.close(timeout=5)


def _read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    found: list[bytes] = []
    while len(found) < count:
        for records in consumer.poll(timeout_ms=500).values():
            found += [record.value for record in records]
    consumer.close()
    return found


def test_topics_are_created_once_with_the_partitions_asked_for(settings: Settings) -> None:
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    prefix = settings.kafka.topic_prefix
    found = admin.describe_topics([f"{prefix}events", f"{prefix}features", f"{prefix}served"])
    admin.close()
    assert [len(topic["partitions"]) for topic in found] == [16, 8, 8]
    assert create_topics(settings) == []


def test_an_existing_topic_with_other_partitions_is_refused(settings: Settings) -> None:
    other = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 3})})
    with pytest.raises(TopicError, match=r"expected (3 partitions, got 8|6 partitions, got 16)"):
        create_topics(other)


def test_events_from_before_the_lanes_get_the_second_and_keep_what_they_hold(settings: Settings) -> None:
    older = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topic_prefix": "laneless-"})})
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    admin.create_topics({"laneless-events": {"num_partitions": 8, "replication_factor": 1}}, wait_for_metadata=True)
    with _producer(settings.kafka.bootstrap) as producer:
        producer.send("laneless-events", b"kept", partition=0).get(timeout=10)
    create_topics(older)
    (found,) = admin.describe_topics(["laneless-events"])
    admin.close()
    assert len(found["partitions"]) == 16
    assert _read(settings.kafka.bootstrap, "laneless-events", 1) == [b"kept"]


def test_records_survive_stop_and_kill_on_the_same_port(own_kafka: KafkaServer) -> None:
    bootstrap = own_kafka.bootstrap
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    with _producer(bootstrap) as producer:
        # A year-old timestamp must not be deleted by retention.
        producer.send("kept", b"one", partition=0, timestamp_ms=1_600_000_000_000).get(timeout=10)
    own_kafka.stop()
    assert not kafka_ready(bootstrap)
    own_kafka.start()
    with _producer(bootstrap) as producer:
        producer.send("kept", b"two", partition=0).get(timeout=10)
    own_kafka.kill()
    own_kafka.start()
    assert own_kafka.bootstrap == bootstrap
    assert _read(bootstrap, "kept", 2) == [b"one", b"two"]


def test_a_second_start_is_refused(own_kafka: KafkaServer) -> None:
    with pytest.raises(ServerError, match="already running"):
        own_kafka.start()
