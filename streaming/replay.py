"""Brings refused events back, once what was wrong with them has been put right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import structlog
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from contracts.event import Event, InvalidEvent, encode_event, parse_event
from contracts.rejected import Rejected
from contracts.settings import Settings
from contracts.topics import ORIGIN_HEADER, Topics
from streaming.consumer import open_consumer
from streaming.faults import fault
from streaming.outbox import open_producer
from streaming.records import Origin, replayed_from

_log = structlog.get_logger()

GROUP = "clickloop-replay"
_POLL_MS = 500
_POLL_RECORDS = 500
_FLUSH_S = 30.0

# On a refusal that was put back: its offset before, in the same partition.
_BACK_HEADER = "clickloop-put-back"

_decoder = msgspec.json.Decoder(Rejected)
_encoder = msgspec.json.Encoder()


@dataclass
class Replayed:
    """What became of the refused events: brought back, not asked for, or refused again and why."""

    replayed: int = 0
    passed_over: int = 0
    still_bad: list[dict[str, Any]] = field(default_factory=list)


def replay(settings: Settings, *, where: str = "") -> Replayed:
    """Parse anew what was refused until now, and send to `events` what has become good.

    `where` keeps to events whose reason contains it. What is still bad, or not asked for, goes back
    to the end of `events.rejected` for another time. Each event comes back once: it carries its place
    there, by which worker and lake know one that an interrupted replay has sent before. The batch that
    it was interrupted in is brought to its end by its own `where`. Raises KafkaError.
    """
    topics = Topics(settings.kafka.topic_prefix)
    consumer = open_consumer(settings, group=settings.kafka.topic_prefix + GROUP, max_records=_POLL_RECORDS)
    producer = open_producer(settings)
    try:
        return _replay(consumer, producer, topics, where)
    finally:
        producer.close(timeout=_FLUSH_S)
        consumer.close(autocommit=False)


class _Begun(NamedTuple):
    """What is noted with an offset: from there until here `where` decides, for some of it may have been sent."""

    until: int
    where: str

    def note(self) -> str:
        return f"{self.until} {self.where}"

    @classmethod
    def read(cls, note: str | None) -> _Begun:
        until, _, where = (note or "").partition(" ")
        return cls(int(until or 0), where)


def _replay(consumer: KafkaConsumer, producer: KafkaProducer, topics: Topics, where: str) -> Replayed:
    places = [
        TopicPartition(topics.rejected, number) for number in consumer.partitions_for_topic(topics.rejected) or ()
    ]
    consumer.assign(places)
    # What is put back goes behind these, so that nothing is met twice in one run.
    ends = consumer.end_offsets(places)
    noted = {place: consumer.committed(place, metadata=True) for place in places}
    starts = {place: 0 if found is None else found.offset for place, found in noted.items()}
    begun = {place: _Begun.read("" if found is None else found.metadata) for place, found in noted.items()}
    back: dict[TopicPartition, set[int]] = {place: set() for place in places}
    for place, records in _between(consumer, starts, ends):
        back[place].update(int(value) for each in records for name, value in each.headers if name == _BACK_HEADER)
    outcome = Replayed()
    for place, polled in _between(consumer, starts, ends):
        for batch, records in _batches(polled, begun[place], where):
            consumer.commit({place: OffsetAndMetadata(records[0].offset, batch.note(), -1)})
            due = [record for record in records if record.offset not in back[place]]
            futures = [_resubmit(producer, topics, record, batch.where, outcome) for record in due]
            producer.flush(timeout=_FLUSH_S)
            for future in futures:
                future.get(timeout=_FLUSH_S)
            fault("replay: after flush")
            consumer.commit({place: OffsetAndMetadata(records[-1].offset + 1, batch.note(), -1)})
            fault("replay: after commit")
    _log.info("replayed", replayed=outcome.replayed, still_bad=len(outcome.still_bad), passed_over=outcome.passed_over)
    return outcome


def _batches(polled: Sequence[Any], begun: _Begun, where: str) -> Iterator[tuple[_Begun, list[Any]]]:
    """What an interrupted replay had begun, by its own `where`, and what comes after."""
    old = [record for record in polled if record.offset < begun.until]
    if old:
        yield begun, old
    new = [record for record in polled if record.offset >= begun.until]
    if new:
        yield _Begun(new[-1].offset + 1, where), new


def _between(
    consumer: KafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> Iterator[tuple[TopicPartition, list[Any]]]:
    """Batches of records from `starts` up to `ends`."""
    for place, start in starts.items():
        consumer.resume(place)
        consumer.seek(place, start)
    while any(consumer.position(place) < ends[place] for place in starts):
        for place, records in consumer.poll(timeout_ms=_POLL_MS).items():
            due = [record for record in records if record.offset < ends[place]]
            if due:
                yield place, due
            else:
                consumer.pause(place)


def _resubmit(producer: KafkaProducer, topics: Topics, record: Any, where: str, outcome: Replayed) -> Any:
    fault("replay: before send")
    try:
        rejected = _decoder.decode(record.value)
    except msgspec.DecodeError as error:
        reason = f"expected a refusal, came something else: {error}"
        rejected = Rejected(reason=reason, source="replay", rejected_at=datetime.now(UTC))
    if where not in rejected.reason:
        outcome.passed_over += 1
        return _put_back(producer, record, record.value)
    try:
        event: Event = parse_event(rejected.raw)
    except InvalidEvent as error:
        still = msgspec.structs.replace(rejected, reason=str(error))
        outcome.still_bad.append({"partition": record.partition, "offset": record.offset, "reason": str(error)})
        return _put_back(producer, record, _encoder.encode(still))
    outcome.replayed += 1
    # By its key to the main lane, whatever its type: a place taken in stands for all those before it.
    origin = Origin(replayed_from(record.partition), record.offset, 0)
    headers = [(ORIGIN_HEADER, origin.encode())]
    return producer.send(topics.events, encode_event(event), key=event.profile_id.encode(), headers=headers)


def _put_back(producer: KafkaProducer, record: Any, value: bytes) -> Any:
    """To the end of its own partition, with its place: a replay that follows a killed one puts back no second copy."""
    headers = [(_BACK_HEADER, b"%d" % record.offset)]
    return producer.send(record.topic, value, partition=record.partition, headers=headers)
