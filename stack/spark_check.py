"""What Spark left, held against a plain fold of the same events."""

from __future__ import annotations

import math
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from contracts.event import Event
from contracts.lake import USER_BEHAVIOR, open_table
from contracts.settings import Settings
from contracts.topics import Topics
from features.catalogue import ItemFactsTable
from features.evaluate import evaluate
from features.fold import fold
from features.instant import to_us
from features.state import UserState, decode_state, encode_state, new_state
from stack.spark_driver import batch_offsets, committed_batch, spark_environment, spark_python
from stack.spark_join import NUMBER, SERVICE, joined
from streaming.keyed_fold import Record, fold_records, stored_cell

LABELS = 400
READ_AT_ONCE = 500
# A state keeps its sums in 32 bits.
SUMS_AGREE = 1e-5
_JOIN_TIMEOUT_S = 900


@dataclass(frozen=True)
class Check:
    """One comparison: how many were held against each other, and the first that differ."""

    name: str
    compared: int
    differing: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether there was something to compare and all of it was equal."""
        return self.compared > 0 and not self.differing


def people(events: Iterable[Event]) -> dict[str, str]:
    """Each profile's person: itself, or the user whom a login says it is."""
    return {event.anonymous_id: event.user_id for event in events if event.anonymous_id and event.user_id}


def plainly(events: Sequence[Event], items: ItemFactsTable) -> dict[str, UserState]:
    """The events folded one after another in the order of sending, each into its person."""
    person = people(events)
    states: dict[str, UserState] = defaultdict(new_state)
    for event in events:
        facts = None if event.item_id is None else items.at(event.item_id, to_us(event.timestamp))
        fold(states[person.get(event.profile_id, event.profile_id)], event, facts=facts)
    return dict(states)


def online_states(store: Any, profiles: Sequence[str]) -> dict[str, bytes | None]:
    """What Feast serves of the profiles."""
    found: dict[str, bytes | None] = {}
    for start in range(0, len(profiles), READ_AT_ONCE):
        some = list(profiles[start : start + READ_AT_ONCE])
        answer = store.get_online_features([f"{USER_BEHAVIOR}:state"], [{"user_id": one} for one in some])
        found.update(zip(some, answer.to_dict()["state"], strict=True))
    return found


def check_values(store: Any, events: Sequence[Event], items: ItemFactsTable) -> list[Check]:
    """Each person's features online, against those of the plain fold."""
    expected, merged = plainly(events, items), set(people(events).values())
    online = online_states(store, sorted(expected))
    differing = [name for name in sorted(expected) if not _same_values(online[name], expected[name])]
    alone = [name for name in differing if name not in merged]
    return [
        Check("visitors' online features", len(expected) - len(merged), alone),
        Check("merged users' online features", len(merged), [name for name in differing if name in merged]),
    ]


def _same_values(payload: bytes | None, expected: UserState) -> bool:
    if payload is None:
        return False
    at_us = expected.event_us + 60_000_000
    came, wanted = evaluate(decode_state(payload), at_us), evaluate(expected, at_us)
    # How often a merged state has changed counts the merge's own steps too.
    return all(_near(came[name], wanted[name]) for name in wanted if name != "events_total")


def _near(one: Any, two: Any) -> bool:
    """Equal; numbers with a fraction to SUMS_AGREE, for lanes and merges add them up in another order."""
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=SUMS_AGREE, abs_tol=SUMS_AGREE)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_near, one, two))
    return bool(one == two)


def check_batches(settings: Settings, store: Any, items: ItemFactsTable) -> list[Check]:
    """History and states to the bit: what the batches that Spark noted give when they are folded here, in memory."""
    expected, memory = batches_in_memory(settings, items)
    rows = open_table(settings, USER_BEHAVIOR).scan().to_arrow().to_pylist()
    found = Counter((row["user_id"], to_us(row["event_timestamp"]), row["state"]) for row in rows)
    wrong = [f"{name} at {at_us}" for name, at_us, _ in (found - expected) + (expected - found)]
    states = {name: encode_state(stored_cell(payload).state) for name, payload in memory.items()}
    newest = {name: states[name] for name, _, _ in expected}
    online = online_states(store, sorted(newest))
    return [
        Check("rows of history, each once, to the bit", len(rows), wrong),
        Check("online states, to the bit", len(newest), [name for name in newest if online[name] != newest[name]]),
    ]


Rows = Counter[tuple[str, int, bytes]]


def batches_in_memory(settings: Settings, items: ItemFactsTable) -> tuple[Rows, dict[str, bytes]]:
    """Rows of history by profile, row time and state, and each profile's memory after the last batch."""
    checkpoint, topic = Path(settings.spark_checkpoint), Topics(settings.kafka.topic_prefix).events
    records = read_records(settings, topic)
    history: Rows = Counter()
    memory: dict[str, bytes] = {}
    begin: dict[int, int] = {}
    for batch in range(committed_batch(checkpoint) + 1):
        end = batch_offsets(checkpoint, topic, batch)
        groups: dict[str, list[Record]] = defaultdict(list)
        for partition, offset in end.items():
            for record in records[partition][begin.get(partition, 0) : offset]:
                groups[(record.key or b"").decode()].append(record)
        for name, some in groups.items():
            memory[name], folded = fold_records(memory.get(name), name, some, items=items)
            history.update((name, row.row_us, row.state) for row in folded.history)
        begin = end
    return history, memory


def read_records(settings: Settings, topic: str) -> dict[int, list[Record]]:
    """Every record by partition."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap, auto_offset_reset="earliest")
    places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    found: dict[int, list[Record]] = {place.partition: [] for place in places}
    while any(consumer.position(place) < ends[place] for place in places):
        for place, some in consumer.poll(timeout_ms=500).items():
            found[place.partition] += [
                Record(one.partition, one.offset, one.timestamp, one.key, one.value, tuple(one.headers)) for one in some
            ]
    consumer.close()
    return found


def check_join(settings: Settings, store: Any, events: Sequence[Event]) -> list[Check]:
    """Spark's historical join against the local store's, then its materialization against the rows it replaces."""
    labels = make_labels(events)
    before = online_states(store, sorted({event.profile_id for event in events}))
    store.provider.online_store.delete_table(store.config, store.get_feature_view(USER_BEHAVIOR))
    source, target = settings.home / "labels.parquet", settings.home / "joined.parquet"
    labels.to_parquet(source)
    _run_spark_join(settings, source, target)
    local, spark = joined(store, labels), pd.read_parquet(target)
    names = [column for column in local.columns if column not in labels.columns]
    differing = [
        f"label {row[NUMBER]}, {name}: {row[name]} here, {other[name]} by Spark"
        for row, other in zip(local.to_dict("records"), spark.to_dict("records"), strict=True)
        for name in names
        if _plain(row[name]) != _plain(other[name])
    ]
    after = online_states(store, sorted(before))
    return [
        Check(f"values of {SERVICE} by historical join", len(local) * len(names), differing),
        Check("rows materialized by Spark", len(before), [name for name in before if after[name] != before[name]]),
    ]


def make_labels(events: Sequence[Event]) -> pd.DataFrame:
    """A label at every so many events, a microsecond before, and for one nobody knows."""
    some = [event for event in events if event.user_id is None][:: max(1, len(events) // LABELS)]
    rows = [(event.profile_id, to_us(event.timestamp) - 1) for event in some]
    rows.append(("nobody", to_us(events[-1].timestamp)))
    return pd.DataFrame(
        {
            "user_id": [name for name, _ in rows],
            "event_timestamp": pd.to_datetime([at for _, at in rows], unit="us", utc=True),
            "at_us": [at for _, at in rows],
            "request_device": "",
            "request_country": "",
            NUMBER: range(len(rows)),
        }
    )


def _run_spark_join(settings: Settings, source: Path, target: Path) -> None:
    log = settings.home / "logs" / "spark-join.log"
    command = [str(spark_python(settings.project)), "-m", "stack.spark_join", str(source), str(target), "--materialize"]
    with log.open("wb") as output:
        subprocess.run(
            command,
            cwd=settings.home,
            env={**_inherited(), **spark_environment(settings)},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_JOIN_TIMEOUT_S,
            check=True,
        )


def _inherited() -> dict[str, str]:
    import os

    return dict(os.environ)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
