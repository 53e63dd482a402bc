"""Follows the topic `items`: all of it, from its beginning, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from contracts.broker import knock
from contracts.item import InvalidItem, ItemChange, read_change
from contracts.settings import KafkaSettings
from contracts.topics import Topics

if TYPE_CHECKING:
    from kafka import KafkaConsumer

_log = structlog.get_logger()

_POLL_MS = 200
# How often, with nothing new, the broker is asked where the topic ends: so one that is away is noticed.
_LOOK_EVERY_S = 2.0
_LOOK_TIMEOUT_MS = 2000
_RETRY_S = 0.3
_QUIET_S = 2.0
_POLL_RECORDS = 5000


class ItemLog:
    """Hands on changes in the topic's order. While Kafka is away it tries again, from where it was.

    A thread keeps a fetch waiting at the broker, so a change is here when it happens, and whoever
    asks for it waits for nothing. Records that are no items are counted and passed over.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._topic = Topics(settings.topic_prefix).items
        self._waiting: deque[ItemChange] = deque()
        self._arrived = threading.Event()
        self._caught_up = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="item-log", daemon=True)
        self._next = 0
        self._error = "the topic of items has not been read yet"
        self.poisoned = 0

    @property
    def error(self) -> str:
        """Why what was read may not be all there is; empty where it is."""
        return self._error

    @property
    def next_offset(self) -> int:
        """The offset after the newest record read."""
        return self._next

    @property
    def is_caught_up(self) -> bool:
        """Whether the end of the topic has been reached since the start."""
        return self._caught_up.is_set()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the reading."""
        self._stopping.set()
        self._arrived.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the topic's end has been reached; whether it has."""
        return self._caught_up.wait(timeout_s)

    def wait_for_change(self, timeout_s: float) -> None:
        """Wait until there is something to take, or the log is stopped."""
        self._arrived.wait(timeout_s)
        if not self._stopping.is_set():
            self._arrived.clear()

    def take(self) -> list[ItemChange]:
        """What has come since the last call, in the topic's order. For one thread."""
        waiting = self._waiting
        return [waiting.popleft() for _ in range(len(waiting))] if waiting else []

    def _run(self) -> None:
        from kafka.errors import KafkaError

        while not self._stopping.is_set():
            consumer = None
            try:
                knock(self._settings.bootstrap)
                consumer = self._open()
                self._follow(consumer)
            except (KafkaError, OSError) as error:
                self._fail(error)
                self._stopping.wait(_RETRY_S)
            finally:
                if consumer is not None:
                    consumer.close(autocommit=False, timeout_ms=1000)

    def _open(self) -> KafkaConsumer:
        from kafka import KafkaConsumer

        return KafkaConsumer(
            bootstrap_servers=self._settings.bootstrap,
            client_id="clickloop-items",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_min_bytes=1,
            max_poll_records=_POLL_RECORDS,
            bootstrap_timeout_ms=_LOOK_TIMEOUT_MS,
            reconnect_backoff_max_ms=1000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def _follow(self, consumer: KafkaConsumer) -> None:
        """Read until stopped. Raises KafkaError where the broker does not say where the topic ends."""
        from kafka import TopicPartition

        place = TopicPartition(self._topic, 0)
        if not consumer.partitions_for_topic(self._topic):
            raise OSError(f"expected the topic {self._topic}, came none; `clickloop up` makes it")
        consumer.assign([place])
        end = self._look(consumer, place)
        consumer.seek(place, self._next) if self._next else consumer.seek_to_beginning(place)
        looked_s = heard_s = time.monotonic()
        while not self._stopping.is_set():
            records = consumer.poll(timeout_ms=_POLL_MS).get(place, ())
            now_s = time.monotonic()
            if records:
                self._take(records)
                heard_s = now_s
            if now_s - looked_s >= _LOOK_EVERY_S:
                end, looked_s = self._look(consumer, place), now_s
            if not self._error and self._caught_up.is_set():
                continue
            # The newest records may have been compacted away: then nothing comes, and that is the end.
            if self._next >= end or now_s - heard_s > _QUIET_S:
                self._reach()

    def _look(self, consumer: KafkaConsumer, place: Any) -> int:
        end = int(consumer.end_offsets([place], timeout_ms=_LOOK_TIMEOUT_MS)[place])
        if end < self._next:
            _log.error("items_lost", topic=self._topic, expected=self._next, end=end)
            self._next = 0
            raise OSError(f"{self._topic}: expected its end at {self._next} or beyond, it is at {end}; reading it anew")
        return end

    def _take(self, records: list[Any]) -> None:
        for record in records:
            try:
                self._waiting.append(read_change(record))
            except InvalidItem as error:
                self.poisoned += 1
                _log.warning("item_passed_over", topic=self._topic, offset=record.offset, reason=str(error))
        self._next = records[-1].offset + 1
        self._arrived.set()

    def _reach(self) -> None:
        if self._error:
            _log.info("items_followed", topic=self._topic, offset=self._next)
        self._error = ""
        self._caught_up.set()
        self._arrived.set()

    def _fail(self, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"
        if not self._stopping.is_set() and said != self._error:
            _log.warning("items_away", topic=self._topic, error=said)
        self._error = said
        self._arrived.set()
