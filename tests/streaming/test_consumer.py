"""A member of a group gets its partitions, however short its polls and however slow the others."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from contracts.settings import Settings
from contracts.topics import Topics
from streaming.consumer import open_consumer
from streaming.membership import Membership
from tests.streaming.support import until

# What a poll takes, and how long the other member leaves a rebalance waiting for it.
SHORT_MS, SLOW_S, SLOW_MS = 10, 2.0, 2000


def _member(settings: Settings, topic: str, *, heartbeat_ms: int = 200) -> KafkaConsumer:
    consumer = open_consumer(
        settings, group=f"{topic}-slow", max_records=1, metadata_max_age_ms=300, heartbeat_interval_ms=heartbeat_ms
    )
    consumer.subscribe([topic])
    return consumer


def _poll_slowly(consumer: KafkaConsumer, stopping: threading.Event) -> None:
    while not stopping.wait(SLOW_S):
        consumer.poll(timeout_ms=1000)
    consumer.close(autocommit=False)


def _poll_on(consumer: KafkaConsumer, stopping: threading.Event) -> None:
    while not stopping.is_set():
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


def test_leader_whose_group_takes_its_time_takes_up_the_first_answer(settings: Settings) -> None:
    topic = Topics(settings.kafka.topic_prefix).rejected
    # The first to come leads; the second hears of the third by its heartbeat, and the leader waits for it.
    leader = _membership(settings, topic)
    slow, dealt = _member(settings, topic, heartbeat_ms=SLOW_MS), _Dealt()
    slow.subscribe([topic], listener=dealt)
    stopping = threading.Event()
    other = threading.Thread(target=_poll_on, args=(slow, stopping))
    other.start()
    try:
        until(lambda: dealt.times > 0, what="the slow member's partitions")
        third = _membership(settings, topic)
        # Nothing more comes of it: a rebalance takes what the slow one's heartbeat does.
        assert not stopping.wait(3 * SLOW_MS / 1000)
        third.close()
        leader.close()
    finally:
        stopping.set()
        other.join()
    # With the leader, with the third, and perhaps without it.
    assert dealt.times <= 3


def _membership(settings: Settings, topic: str) -> Membership:
    member = Membership(open_consumer(settings, group=f"{topic}-slow", max_records=1), topic)
    until(lambda: any(change.assigned for change in member.take_changes()), what="a member's partitions")
    return member


class _Dealt(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self.times = 0

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.times += 1


def _poll_until(consumer: KafkaConsumer, partitions: int) -> None:
    def held() -> bool:
        consumer.poll(timeout_ms=SHORT_MS)
        return len(consumer.assignment()) == partitions

    until(held, what=f"{partitions} partitions of {consumer.assignment()}")
