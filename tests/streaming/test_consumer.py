"""A member of a group gets its partitions, however short its polls and however slow the others."""

from __future__ import annotations

import threading

from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient

from contracts.settings import Settings
from contracts.topics import Topics
from streaming.consumer import open_consumer
from tests.streaming.support import until

# What a poll takes, and how long the other member leaves a rebalance waiting for it.
SHORT_MS, SLOW_S = 10, 2.0


def _member(settings: Settings, topic: str) -> KafkaConsumer:
    consumer = open_consumer(
        settings, group=f"{topic}-slow", max_records=1, metadata_max_age_ms=300, heartbeat_interval_ms=200
    )
    consumer.subscribe([topic])
    return consumer


def _poll_slowly(consumer: KafkaConsumer, stopping: threading.Event) -> None:
    while not stopping.wait(SLOW_S):
        consumer.poll(timeout_ms=1000)
    consumer.close(autocommit=False)


def test_leader_that_polls_shortly_takes_up_its_partitions_after_a_change_of_the_topic(settings: Settings) -> None:
    topic = Topics(settings.kafka.topic_prefix).rejected
    leader = _member(settings, topic)
    until(lambda: bool(leader.poll(timeout_ms=SHORT_MS) or leader.assignment()), what="the leader's partitions")
    stopping = threading.Event()
    other = threading.Thread(target=_poll_slowly, args=(_member(settings, topic), stopping))
    other.start()
    homes = len(leader.assignment())
    try:
        _poll_until(leader, homes // 2)
        admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
        admin.create_partitions({topic: 2 * homes})
        admin.close()
        _poll_until(leader, homes)
    finally:
        stopping.set()
        other.join()
        leader.close(autocommit=False)


def _poll_until(consumer: KafkaConsumer, partitions: int) -> None:
    def held() -> bool:
        consumer.poll(timeout_ms=SHORT_MS)
        return len(consumer.assignment()) == partitions

    until(held, what=f"{partitions} partitions of {consumer.assignment()}")
