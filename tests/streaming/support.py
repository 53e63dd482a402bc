"""What the streaming tests share: events, workers that can be killed, and a look at what they left."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing.process import BaseProcess
from threading import Event as Flag
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from redis import Redis

from contracts.event import Context, Event, EventType, encode_event
from contracts.keys import StateKeys
from contracts.lanes import partition_for
from contracts.settings import Settings
from contracts.snapshot import Snapshot, decode_snapshots
from contracts.topics import Topics
from features.evaluate import evaluate
from features.fold import fold
from features.state import UserState, decode_state, encode_state, new_state
from streaming.checkpoint import Checkpoint
from streaming.generations import active_generation
from streaming.loop import Parts, Worker
from streaming.outbox import open_producer
from streaming.partitioning import partition_of
from streaming.worker import open_parts
from tests.features.oracle import Oracle, agree

START = datetime(2026, 11, 1, tzinfo=UTC)
PATIENCE_S = 120.0
KINDS = [
    EventType.PAGE_VIEW,
    EventType.ITEM_VIEW,
    EventType.ITEM_VIEW,
    EventType.CLICK,
    EventType.SHARE,
    EventType.ADD_TO_CART,
    EventType.REMOVE_FROM_CART,
    EventType.PURCHASE,
    EventType.LIKE,
    EventType.SEARCH,
]
# Of both lanes; what is folded then does not follow the order of sending.
MIXED_KINDS = [*KINDS, EventType.IMPRESSION, EventType.SCROLL, EventType.HOVER, EventType.DWELL]


def make_events(
    count: int, *, visitors: int, seed: int, step_s: float = 20.0, kinds: Sequence[EventType] = KINDS
) -> list[Event]:
    """Events in time order, a few of them out of it by some hours; visitor n comes 1 / (n + 1) as often."""
    chance = random.Random(seed)
    people = chance.choices(range(visitors), [1 / (n + 3) for n in range(visitors)], k=count)
    made = []
    for number, person in enumerate(people):
        late_s = chance.choice([0, 0, 0, 0, 5, 4000])
        item = chance.randrange(45)  # fewer than a cart keeps lines, for the recount keeps all
        made.append(
            Event(
                message_id=f"m{seed}-{number}",
                anonymous_id=f"visitor-{seed}-{person}",
                type=chance.choice(kinds),
                timestamp=START + timedelta(seconds=number * step_s - late_s, microseconds=chance.randrange(10**6)),
                item_id=f"item-{item}",
                quantity=chance.choice([None, 1, 3]),
                price=0.5 + item % 40,
                properties={"category": f"c{item % 7}"},
                context=Context(country=chance.choice(["GB", "FR"]), device="phone"),
            )
        )
    return made


def send(settings: Settings, events: Iterable[Event], *, pause_every: int = 0, pause_s: float = 0.0) -> None:
    """Write events to Kafka as the collector does."""
    producer = open_producer(settings)
    topic, homes = Topics(settings.kafka.topic_prefix).events, settings.kafka.partitions
    for number, event in enumerate(events, 1):
        place = partition_for(event.profile_id, event.type, homes)
        producer.send(topic, encode_event(event), key=event.profile_id.encode(), partition=place)
        if pause_every and number % pause_every == 0:
            time.sleep(pause_s)
    producer.flush()
    producer.close()


def redis_of(settings: Settings) -> Redis:
    return Redis.from_url(settings.redis.url)


def _places(settings: Settings, topic: str) -> list[TopicPartition]:
    lanes = 2 if topic == Topics(settings.kafka.topic_prefix).events else 1
    return [TopicPartition(topic, number) for number in range(lanes * settings.kafka.partitions)]


def end_offsets(settings: Settings, topic: str) -> dict[int, int]:
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap)
    places = _places(settings, topic)
    ends = {place.partition: end for place, end in consumer.end_offsets(places).items()}
    consumer.close()
    return ends


def read_topic(settings: Settings, topic: str) -> list[Any]:
    """Every record of a topic, in offset order a partition."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap, auto_offset_reset="earliest")
    places = _places(settings, topic)
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    found: list[Any] = []
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(timeout_ms=200).values():
            found += records
    consumer.close()
    return found


def read_snapshots(settings: Settings) -> list[Snapshot]:
    records = read_topic(settings, Topics(settings.kafka.topic_prefix).features)
    return [snapshot for record in records for snapshot in decode_snapshots(record.value)]


def until(true: Callable[[], bool], *, what: str) -> None:
    """Wait for something that comes by itself; the limit only ends a test that would hang."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.05)


def stored_offsets(settings: Settings, generation: int | None = None) -> dict[int, int]:
    """The next offset of each Kafka partition of `events`, of both lanes, of the serving generation by default."""
    prefix = settings.redis.key_prefix
    with redis_of(settings) as redis:
        serving = active_generation(redis, prefix) if generation is None else generation
        return Checkpoint(redis, prefix=prefix, generation=serving).offsets(range(settings.kafka.partitions))


def total_offset(settings: Settings) -> int:
    """How many records are in the states."""
    return sum(stored_offsets(settings).values())


def caught_up(settings: Settings) -> bool:
    """Whether the stored offsets are at Kafka's ends, forwards and merges included, and all has left that is to."""
    if stored_offsets(settings) != end_offsets(settings, Topics(settings.kafka.topic_prefix).events):
        return False
    prefix = settings.redis.key_prefix
    with redis_of(settings) as redis:
        serving = active_generation(redis, prefix)
        keys = [StateKeys(number, prefix, serving) for number in range(settings.kafka.partitions)]
        return not redis.exists(*(each.outbox for each in keys), *(each.owed for each in keys))


def stored_state(settings: Settings, profile_id: str) -> bytes | None:
    redis, prefix = redis_of(settings), settings.redis.key_prefix
    serving = active_generation(redis, prefix)
    keys = StateKeys(partition_of(profile_id, settings.kafka.partitions), prefix, serving)
    found = redis.get(keys.state(profile_id))
    redis.close()
    return found  # type: ignore[return-value]


@cache
def processes() -> Any:
    """Where a test's processes come from: forked from one that has Feast loaded and no threads.

    A fork of the test's own process could inherit a lock that a Kafka client's thread holds.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["feature_repo.store", "streaming.worker", "streaming.lake"])
    first = context.Process(target=_nothing)
    first.start()
    first.join()
    return context


def _nothing() -> None:
    """What the first process does; when it has, the others start at once."""


class WorkerProcess:
    """A worker in a process of its own.

    Under the same `instance` the next one takes over at once.
    """

    def __init__(
        self, settings: Settings, sabotage: Callable[[Parts], None] | None = None, *, instance: str = ""
    ) -> None:
        worker = settings.worker.model_copy(update={"instance": instance})
        settings = settings.model_copy(update={"worker": worker})
        self._process: BaseProcess = processes().Process(target=_work, args=(settings, sabotage), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        """As the kernel kills: no handler, no flush."""
        self._process.kill()
        self._process.join()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def join(self) -> int | None:
        self._process.join(PATIENCE_S)
        return self._process.exitcode


def _work(settings: Settings, sabotage: Callable[[Parts], None] | None) -> None:
    warnings.simplefilter("ignore")
    from feature_repo.store import open_store

    stopping = Flag()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    parts = open_parts(settings, open_store(settings), stopping, session_timeout_ms=6000, heartbeat_interval_ms=500)
    if sabotage is not None:
        sabotage(parts)
    Worker(parts).run(stopping)
    os._exit(0)


def run_in_process(settings: Settings, store: Any, *, instance: str = "") -> Worker:
    """Work in this process until nothing is left, forwards and merges included."""
    stopping = Flag()
    parts = open_parts(settings, store, stopping, group_instance_id=instance or None)
    worker = Worker(parts)

    watch = threading.Thread(target=_stop_when_caught_up, args=(settings, stopping))
    watch.start()
    try:
        worker.run(stopping)
    finally:
        stopping.set()
        watch.join()
        parts.source.close()
        parts.outbox.close()
        parts.items.close()
        parts.item_rows.close()
    return worker


def _stop_when_caught_up(settings: Settings, stopping: Flag) -> None:
    """Twice, for a batch's forwards are on the topic only once it is committed."""
    for _ in range(2):
        until(lambda: stopping.is_set() or caught_up(settings), what="the worker at Kafka's end")
    stopping.set()


def by_profile(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        found[event.profile_id].append(event)
    return dict(found)


def plainly_folded(events: Sequence[Event]) -> UserState:
    """One profile's events, folded one after the other in memory."""
    state = new_state()
    for event in events:
        fold(state, event)
    return state


def online_row(store: Any, profile_id: str) -> dict[str, Any]:
    """The profile's row of `user_behavior`, by Feast's own SDK, and the version that its state names."""
    answer = store.get_online_features(["user_behavior:state"], [{"user_id": profile_id}])
    (payload,) = answer.to_dict()["state"]
    return {"state": payload, "version": None if payload is None else decode_state(payload).version}


def check_everything(settings: Settings, store: Any, events: Sequence[Event], *, to_the_bit: bool = True) -> None:
    """States equal a naive recount; Feast and the last snapshots equal states; nothing twice."""
    newest = {one.profile_id: one for one in sorted(read_snapshots(settings), key=lambda one: one.row_us)}
    at = max(event.timestamp for event in events) + timedelta(minutes=3)
    for profile_id, arrivals in by_profile(events).items():
        payload = stored_state(settings, profile_id)
        assert payload is not None, f"no state of {profile_id}"
        state = decode_state(payload)
        agree(evaluate(state, instant_us(at)), Oracle.of(arrivals).values(at))
        if to_the_bit:
            assert payload == encode_state(plainly_folded(arrivals)), f"state of {profile_id} differs in its bits"
        row = online_row(store, profile_id)
        assert row["state"] == payload, f"online row of {profile_id} is not its state"
        assert newest[profile_id].state == payload, f"last snapshot of {profile_id} is not its state"


def instant_us(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
