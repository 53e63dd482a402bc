"""What a soak left, held against a plain fold of what the collector acknowledged."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from redis import Redis

from contracts.event import Event, EventType
from contracts.keys import StateKeys
from contracts.lake import EVENTS, USER_BEHAVIOR, open_table
from contracts.settings import Settings
from contracts.topics import Topics
from features.evaluate import evaluate
from features.fold import fold
from features.state import UserState, decode_state, new_state
from streaming.cells import Cell, decode_cell
from streaming.partitioning import partition_of
from streaming.records import decode_record, is_derived

_ROWS_A_READ = 500


@dataclass
class Verdict:
    """Counts of what is wrong; all 0 where each acknowledged event had one effect."""

    lost: int = 0
    twice: int = 0
    wrong_values: int = 0
    wrong_rows: int = 0
    lake_lost: int = 0
    lake_twice: int = 0
    lake_wrong: int = 0
    people: int = 0
    first_faults: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """All of them."""
        return (
            self.lost + self.twice + self.wrong_values + self.wrong_rows
            + self.lake_lost + self.lake_twice + self.lake_wrong
        )  # fmt: skip

    def note(self, fault: str) -> None:
        """Keep the first few, for whoever has to find out."""
        if len(self.first_faults) < 5:
            self.first_faults.append(fault)


@dataclass(frozen=True)
class Written:
    """The visitors' events in Kafka: places of all, and each message's first, in the order of arrival."""

    places: set[tuple[int, int]]
    events: list[Event]


def read_written(settings: Settings) -> Written:
    """Everything on the topic `events` that the worker did not write itself."""
    topic = Topics(settings.kafka.topic_prefix).events
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap, enable_auto_commit=False)
    places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    found: list[tuple[int, int, int, Event]] = []
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                event = None if is_derived(record) else decode_record(record).event
                if event is not None:
                    found.append((record.timestamp, record.partition, record.offset, event))
    consumer.close(autocommit=False)
    found.sort(key=lambda one: one[:3])
    first: dict[str, Event] = {}
    for *_, event in found:
        first.setdefault(event.message_id, event)
    return Written({(partition, offset) for _, partition, offset, _ in found}, list(first.values()))


def people(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Events by person, under one of the person's names: all that logins and aliases connect."""
    events = list(events)
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while name in above:
            name = above[name]
        return name

    for event in events:
        other = {EventType.IDENTIFY: event.anonymous_id, EventType.ALIAS: event.previous_id or event.anonymous_id}
        one, two = top(event.profile_id), top(other.get(event.type) or event.profile_id)
        if one != two:
            above[two] = one
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        found[top(event.profile_id)].append(event)
    return dict(found)


def check(settings: Settings, store: Any, acknowledged: Iterable[str]) -> Verdict:
    """Compare states, online rows and lake with the fold of the events."""
    written = read_written(settings)
    verdict = Verdict()
    missing = set(acknowledged) - {event.message_id for event in written.events}
    verdict.lost += len(missing)
    if missing:
        verdict.note(f"acknowledged and not in Kafka: {sorted(missing)[:5]}")
    roots = _check_states(settings, written.events, verdict)
    _check_rows(store, roots, verdict)
    _check_lake(settings, written, roots, verdict)
    return verdict


def _check_states(settings: Settings, events: list[Event], verdict: Verdict) -> dict[str, UserState]:
    """Every person's state by the name that it lies under."""
    roots: dict[str, UserState] = {}
    with Redis.from_url(settings.redis.url) as redis:
        for name, lived in people(events).items():
            verdict.people += 1
            root, cell = _root(settings, redis, name)
            roots[root] = cell.state
            wanted = new_state()
            for event in lived:
                fold(wanted, event)
            off = cell.state.version - wanted.version
            verdict.lost += max(0, -off)
            verdict.twice += max(0, off)
            at_us = max(cell.state.event_us, wanted.event_us) + 1
            wrong = _differences(evaluate(cell.state, at_us), evaluate(wanted, at_us))
            verdict.wrong_values += bool(wrong)
            if off or wrong:
                verdict.note(f"{root}: {cell.state.version} events for {wanted.version}; {wrong[:3]}")
    return roots


def _root(settings: Settings, redis: Redis, name: str) -> tuple[str, Cell]:
    while True:
        keys = StateKeys(partition_of(name, settings.kafka.partitions), settings.redis.key_prefix)
        payload: Any = redis.get(keys.state(name))
        cell = decode_cell(payload)
        if cell.alias is None:
            return name, cell
        name = cell.alias


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {found[name]} for {wanted[name]}" for name in wanted if not _close(found[name], wanted[name])]


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_close(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _check_rows(store: Any, roots: Mapping[str, UserState], verdict: Verdict) -> None:
    names = sorted(roots)
    for first in range(0, len(names), _ROWS_A_READ):
        some = names[first : first + _ROWS_A_READ]
        answer = store.get_online_features(["user_behavior:state"], [{"user_id": name} for name in some]).to_dict()
        for name, payload in zip(answer["user_id"], answer["state"], strict=True):
            if payload is None or decode_state(payload) != roots[name]:
                verdict.wrong_rows += 1
                verdict.note(f"online row of {name} is not its state")


def _check_lake(settings: Settings, written: Written, roots: Mapping[str, UserState], verdict: Verdict) -> None:
    kept = lake_places(settings)
    verdict.lake_lost = len(written.places - set(kept))
    verdict.lake_twice = len(kept) - len(set(kept))
    history = open_table(settings, USER_BEHAVIOR).scan(selected_fields=("user_id", "event_timestamp", "state"))
    newest: dict[str, tuple[Any, bytes]] = {}
    seen: set[tuple[str, Any]] = set()
    for row in history.to_arrow().to_pylist():
        key = (row["user_id"], row["event_timestamp"])
        verdict.lake_twice += key in seen
        seen.add(key)
        newest[key[0]] = max(newest.get(key[0], (key[1], b"")), (key[1], row["state"]))
    for name, state in roots.items():
        if name not in newest or decode_state(newest[name][1]) != state:
            verdict.lake_wrong += 1
            verdict.note(f"newest snapshot of {name} in the lake is not its state")


def lake_places(settings: Settings) -> list[tuple[int, int]]:
    """Partition and offset of every event in the lake."""
    rows = open_table(settings, EVENTS).scan(selected_fields=("partition", "offset")).to_arrow()
    return list(zip(rows["partition"].to_pylist(), rows["offset"].to_pylist(), strict=True))
