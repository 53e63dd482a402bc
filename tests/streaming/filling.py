"""Fills the lake from Kafka, as far as Kafka goes at present."""

from __future__ import annotations

from contracts.settings import Settings
from contracts.topics import Topics
from streaming.lake import LakeSink, open_sink
from tests.streaming.support import end_offsets


def drain(settings: Settings) -> None:
    """Keep everything that Kafka has, in one flush."""
    sink = open_sink(settings)
    while not drained(settings, sink):
        sink.step()
    sink.flush()
    sink.close()


def drained(settings: Settings, sink: LakeSink) -> bool:
    """Whether the sink has read, or kept, all that Kafka has."""
    topics = Topics(settings.kafka.topic_prefix)
    return all(
        sink.position(topic, partition) >= end
        for topic in (topics.events, topics.features, topics.served)
        for partition, end in end_offsets(settings, topic).items()
    )
