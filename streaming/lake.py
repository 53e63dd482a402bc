"""The lake sink's process: Kafka into Iceberg, `python -m streaming.lake`."""

from __future__ import annotations

import signal
import time
from threading import Event as Flag

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, UnknownTopicOrPartitionError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from pyiceberg.exceptions import CommitFailedException
from sqlalchemy.exc import OperationalError

from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from streaming.consumer import open_consumer
from streaming.faults import arm_from_environment, fault
from streaming.lake_commit import Overtaken
from streaming.lake_feeds import Feed, open_feeds
from streaming.source import LostRecords
from streaming.waiting import patiently

_log = structlog.get_logger()

_BACKOFF_S = 1.0
_POLL_MS = 200
_POLL_RECORDS = 5000


class LakeMetrics:
    """What the sink counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.rows = Counter("clickloop_lake_rows", "Rows appended.", ["table"], registry=self.registry)
        self.skipped = Counter("clickloop_lake_skipped", "Records left out.", ["topic", "why"], registry=self.registry)
        self.retries = Counter("clickloop_lake_retries", "Flushes repeated.", ["error"], registry=self.registry)
        self.lag = Gauge("clickloop_lake_lag_records", "Records not in the lake.", ["topic"], registry=self.registry)
        self.flush = Histogram("clickloop_lake_flush_seconds", "Time of a flush.", registry=self.registry)


class LakeSink:
    """Polls every topic of the lake and appends to its tables, every so many rows or seconds."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        feeds: list[Feed],
        *,
        flush_rows: int,
        flush_s: float,
        metrics: LakeMetrics | None = None,
    ) -> None:
        self._consumer = consumer
        self._feeds = {feed.topic: feed for feed in feeds}
        self._flush_rows = flush_rows
        self._flush_s = flush_s
        self.metrics = metrics or LakeMetrics()
        self._flushed_s = time.monotonic()
        self._place()

    def run(self, stopping: Flag) -> None:
        """Work until asked to stop, then flush."""
        while not stopping.is_set():
            try:
                self.step()
            except (Overtaken, CommitFailedException, OperationalError, KafkaError, OSError) as error:
                _log.warning("lake reads again", error=str(error), kind=type(error).__name__)
                self.metrics.retries.labels(type(error).__name__).inc()
                stopping.wait(_BACKOFF_S)
                patiently(self._place, stopping)
        try:
            self.flush()
        except Overtaken as error:
            _log.warning("lake kept by another sink", error=str(error))

    def step(self) -> None:
        """One poll, and a flush where one is due."""
        polled = self._consumer.poll(timeout_ms=_POLL_MS)
        fault("lake: after poll")
        for where, records in polled.items():
            feed = self._feeds[where.topic]
            for record in records:
                why = feed.take(record)
                if why is not None:
                    self.metrics.skipped.labels(where.topic, why).inc()
        waiting = sum(feed.pending for feed in self._feeds.values())
        due_s = self._flushed_s + self._flush_s
        if waiting >= self._flush_rows or (waiting and time.monotonic() >= due_s):
            self.flush()
        elif not waiting:
            self._flushed_s = time.monotonic()

    def flush(self) -> None:
        """Append all that waits. Raises Overtaken, CommitFailedException, OSError."""
        with self.metrics.flush.time():
            for feed in self._feeds.values():
                for table, rows in feed.flush().items():
                    self.metrics.rows.labels(table).inc(rows)
        self._flushed_s = time.monotonic()
        fault("lake: after flush")
        self._report()

    def position(self, topic: str, partition: int) -> int:
        """The next offset that some table still needs, what waits for a flush counted as taken."""
        return self._feeds[topic].position(partition)

    def close(self) -> None:
        """Let Kafka go."""
        self._consumer.close(autocommit=False, timeout_ms=2000)

    def _place(self) -> None:
        """Stand where the tables say, in every partition."""
        places = []
        for feed in self._feeds.values():
            feed.reload()
            partitions = self._consumer.partitions_for_topic(feed.topic)
            if not partitions:
                raise UnknownTopicOrPartitionError(feed.topic)
            places += [TopicPartition(feed.topic, partition) for partition in sorted(partitions)]
        self._consumer.assign(places)
        ends = self._consumer.end_offsets(places)
        for place in places:
            offset = self._feeds[place.topic].position(place.partition)
            if offset > ends[place]:
                raise LostRecords(place.topic, place.partition, offset, ends[place])
            if offset:
                self._consumer.seek(place, offset)
            else:
                self._consumer.seek_to_beginning(place)
        _log.info("lake placed", topics=sorted(self._feeds), partitions=len(places))

    def _report(self) -> None:
        """Tell Kafka and Prometheus how far the lake is."""
        offsets = {}
        for topic, feed in self._feeds.items():
            lag = 0
            for place in self._consumer.assignment():
                if place.topic == topic:
                    offset = feed.position(place.partition)
                    offsets[place] = OffsetAndMetadata(offset, "", -1)
                    lag += max(0, (self._consumer.highwater(place) or offset) - offset)
            self.metrics.lag.labels(topic).set(lag)
        self._consumer.commit_async(offsets)


def open_sink(settings: Settings) -> LakeSink:
    """A sink, connected and placed. Raises KafkaError where no broker answers."""
    group = settings.kafka.topic_prefix + settings.lake.group
    consumer = open_consumer(settings, group=group, max_records=_POLL_RECORDS)
    return LakeSink(consumer, open_feeds(settings), flush_rows=settings.lake.flush_rows, flush_s=settings.lake.flush_s)


def main() -> None:
    """Run the sink until SIGTERM or SIGINT."""
    configure_logging("lake")
    arm_from_environment()
    settings = load_settings()
    stopping = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    sink = patiently(lambda: open_sink(settings), stopping)
    if sink is None:
        return
    start_http_server(settings.lake.metrics_port, addr=settings.lake.metrics_host, registry=sink.metrics.registry)
    _log.info("lake ready", metrics_port=settings.lake.metrics_port, lake=str(settings.lake_dir))
    try:
        sink.run(stopping)
    finally:
        sink.close()
    _log.info("lake stopped")


if __name__ == "__main__":
    main()
