"""Which partitions are this process's, as its consumer group has it: a member that reads nothing, in a thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from streaming.consumer import GroupConsumer

_log = structlog.get_logger()

# kafka-python's poll does not rest for its time where the group's coordinator is gone.
_POLL_MS, _EVERY_S = 20, 0.1
_JOINING_POLL_MS = 500
_PAUSE_S = 0.5
_LEAVE_MS = 2000


class Change(NamedTuple):
    """Partitions that came or went."""

    assigned: bool
    partitions: frozenset[int]


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what the group decided, for the loop to act on, and keeps the member from reading."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self.changes: deque[Change] = deque()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.changes.append(Change(False, frozenset(each.partition for each in revoked)))

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        places = list(assigned)
        self._consumer.pause(*places)
        self.changes.append(Change(True, frozenset(each.partition for each in places)))


class Membership:
    """A member of a consumer group. Between a change in the group and the loop's hearing of it two processes may
    hold a partition: the commit, which only one of them can make, is what keeps them apart.

    The group's protocol is kafka-python's, for it lets us say how partitions are dealt out; what is
    read, another client reads in a tenth of the time.
    """

    def __init__(self, consumer: GroupConsumer, topic: str) -> None:
        """`consumer` has a group; from here on it is the thread's alone."""
        self._consumer = consumer
        self._topic = topic
        self._listener = _Listener(consumer)
        self._offsets: Mapping[int, int] = {}
        self._stopping = threading.Event()
        consumer.subscribe([topic], listener=self._listener)
        self._thread = threading.Thread(target=self._run, name="membership", daemon=True)
        self._thread.start()

    def take_changes(self) -> list[Change]:
        """What the group has decided since the last call, in order."""
        changes = self._listener.changes
        return [changes.popleft() for _ in range(len(changes))]

    def report(self, offsets: Mapping[int, int]) -> None:
        """Have the group told the next offset by partition, for whoever watches its lag."""
        self._offsets = dict(offsets)

    def close(self) -> None:
        """Leave the group, unless it is to wait for a successor of the same name."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._consumer.poll(timeout_ms=_JOINING_POLL_MS if self._consumer.joining else _POLL_MS)
                if self._consumer.joining:
                    continue
                self._tell()
            except KafkaError as error:
                _log.warning("consumer group away", error=str(error), kind=type(error).__name__)
                self._stopping.wait(_PAUSE_S)
            self._stopping.wait(_EVERY_S)
        self._consumer.close(autocommit=False, timeout_ms=_LEAVE_MS)

    def _tell(self) -> None:
        told, self._offsets = self._offsets, {}
        held = {each.partition for each in self._consumer.assignment()}
        found: dict[Any, OffsetAndMetadata] = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in told.items()
            if partition in held
        }
        if found:
            self._consumer.commit_async(found)
