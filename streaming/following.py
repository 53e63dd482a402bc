"""A worker on the generation that is being made, until it has caught up with the one that serves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from threading import Event as Flag
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from contracts.lanes import LANES, home_of
from contracts.rejected import Rejected
from contracts.settings import Settings
from contracts.snapshot import Snapshot, bundles, decode_snapshots, encode_snapshots
from contracts.topics import Topics
from streaming.checkpoint import Checkpoint
from streaming.lake_commit import Offsets
from streaming.loop import Parts, Worker
from streaming.outbox import Outbox
from streaming.parcels import Parcel
from streaming.worker import open_parts

_POLL_S = 0.01
_STOP_S = 60.0


class FollowerFailed(RuntimeError):
    """The worker on the new generation ended by itself."""


class HeldOutbox(Outbox):
    """Holds back what the serving generation's workers have published too, until it is known up to where.

    Records for the topic `events` pass: they carry their generation. After `release` only snapshots
    and refusals of what those workers never committed go out, and `held` has the other snapshots.
    """

    def __init__(self, outbox: Outbox, topics: Topics, homes: int) -> None:
        super().__init__(outbox._producer, outbox._stopping)
        self._homes = homes
        self._topics = topics
        self._guard = threading.Lock()
        self._ends: Mapping[int, int] | None = None
        self._snapshots: dict[tuple[int, int, str], Snapshot] = {}
        self._refusals: dict[tuple[int | None, int | None], bytes] = {}
        # Records for `events`.
        self.sent = 0

    def send(self, topic: str, value: bytes, **options: Any) -> None:
        """Queue one record, or hold it. Raises Interrupted, KafkaError."""
        if topic not in (self._topics.features, self._topics.rejected):
            super().send(topic, value, **options)
            self.sent += 1
            return
        with self._guard:
            if topic == self._topics.features:
                for one in decode_snapshots(value):
                    self._snapshots[one.partition, one.offset, one.profile_id] = one
            else:
                refusal = msgspec.json.decode(value, type=Rejected)
                self._refusals[refusal.partition, refusal.offset] = value
            if self._ends is not None:
                self._publish(self._ends)

    def pass_on(self, parcels: Iterable[Parcel]) -> None:
        """Send the snapshots of the serving generation's last commits; those that are there the lake passes over."""
        for parcel in parcels:
            if parcel.topic == self._topics.features:
                super().send(parcel.topic, parcel.value, partition=parcel.partition)

    def release(self, ends: Mapping[int, int]) -> None:
        """Let go what lies at or beyond `ends`, by partition the first offset not committed by others."""
        with self._guard:
            self._ends = dict(ends)
            self._publish(self._ends)

    def forget(self, ends: Mapping[int, int]) -> None:
        """Drop the snapshots below `ends`: others have published theirs."""
        with self._guard:
            for place in [place for place in self._snapshots if place[1] < ends.get(place[0], 0)]:
                del self._snapshots[place]

    @property
    def held(self) -> list[Snapshot]:
        """Snapshots that were not published, in their order."""
        with self._guard:
            return [self._snapshots[place] for place in sorted(self._snapshots)]

    def _publish(self, ends: Mapping[int, int]) -> None:
        due = [place for place in sorted(self._snapshots) if place[1] >= ends.get(place[0], 0)]
        by_partition: dict[int, list[Snapshot]] = {}
        for place in due:
            by_partition.setdefault(place[0], []).append(self._snapshots.pop(place))
        for partition, snapshots in by_partition.items():
            for bundle in bundles(snapshots):
                home = home_of(partition, self._homes)
                super().send(self._topics.features, encode_snapshots(bundle), partition=home)
        for (source, offset), value in self._refusals.items():
            if source is None or offset is None or offset >= ends.get(source, 0):
                super().send(self._topics.rejected, value)
        self._refusals.clear()


class Follower:
    """The worker's own loop in a thread, on a generation that nobody reads yet."""

    def __init__(self, settings: Settings, store: Any, generation: int) -> None:
        self._stopping = Flag()
        group = f"{settings.worker.group}-rebuild-{generation}"
        worker = settings.worker.model_copy(update={"group": group, "instance": "", "poll_timeout_ms": 50})
        own = settings.model_copy(update={"worker": worker})
        parts = open_parts(own, store, self._stopping, generation=generation)
        self.outbox = HeldOutbox(parts.outbox, parts.topics, settings.kafka.partitions)
        self._parts: Parts = replace(parts, outbox=self.outbox)
        self._worker = Worker(self._parts)
        self._topic = parts.topics.events
        self._checkpoint = Checkpoint(parts.checkpoint._redis, prefix=settings.redis.key_prefix, generation=generation)
        self._ends = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap, group_id=None)
        self._partitions = range(settings.kafka.partitions)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def behind(self, ends: Offsets) -> int:
        """Records below `ends` that the generation has not taken in. Raises FollowerFailed, RedisError."""
        self._check()
        return self._behind(ends)

    def ends(self) -> Offsets:
        """Kafka's present ends. Raises KafkaError."""
        places = [TopicPartition(self._topic, number) for number in range(LANES * len(self._partitions))]
        return {place.partition: end for place, end in self._ends.end_offsets(places).items()}

    def wait(self, ends: Offsets, check: Callable[[], None]) -> None:
        """Return once everything below `ends` is taken in, and what follows from it is on its way.

        Raises FollowerFailed, and what `check` raises.
        """
        while self._behind(ends):
            self._pause(check)
        # Records are sent after their commit, within the same step.
        steps = self._worker.steps
        while self._worker.steps == steps:
            self._pause(check)

    def _pause(self, check: Callable[[], None]) -> None:
        self._check()
        check()
        time.sleep(_POLL_S)

    def stop(self) -> None:
        """Finish the batch at hand, write what no event waits for, and end. Raises FollowerFailed, RedisError."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._check()
        self._worker.finish()

    def close(self) -> None:
        """Let everything go."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._parts.source.close()
        self._parts.outbox.close()
        self._parts.items.close()
        self._parts.item_rows.close()
        self._ends.close()

    def _behind(self, ends: Offsets) -> int:
        offsets = self._checkpoint.offsets(self._partitions)
        return sum(max(0, end - offsets[partition]) for partition, end in ends.items())

    def _check(self) -> None:
        if self._error is not None:
            raise FollowerFailed(f"the worker on the new generation ended: {self._error}") from self._error

    def _run(self) -> None:
        try:
            self._worker.run(self._stopping)
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread has to end the rebuild
            self._error = error
