"""A change of an item shows in features, rows and lake as of its time, once, without a restart."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pyarrow.parquet as pq
import pytest
from kafka import KafkaProducer
from pyiceberg.table import Transaction

from contracts.event import Event, EventType
from contracts.item import Item, encode_item
from contracts.item_log import ItemLog
from contracts.lake import ITEMS, open_table
from contracts.settings import Settings
from contracts.topics import Topics
from features.evaluate import evaluate
from features.state import UserState, decode_state
from stack.kafka_server import KafkaServer
from streaming import catalogue
from streaming.backfill import backfill
from streaming.catalogue import Loaded, load_catalogue, read_topic
from streaming.item_history import read_facts
from streaming.lake import open_sink
from streaming.outbox import open_producer
from tests.streaming.support import (
    WorkerProcess,
    processes,
    run_in_process,
    send,
    stored_state,
    until,
)
from tests.streaming.support import (
    read_topic as records_of,
)

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)
LAMP, MUG = Item("lamp", "A Lamp", 30.0, "light", brand="acme"), Item("mug", "A Mug", 4.0, "kitchen")


def say(settings: Settings, *changes: tuple[str, Item | None, datetime]) -> None:
    """Write changes to the topic as of their instants, and return once Kafka has them."""
    producer = open_producer(settings)
    for item_id, item, at in changes:
        put(producer, settings, item_id.encode(), None if item is None else encode_item(item), at=at)
    producer.flush()
    producer.close()


def put(producer: KafkaProducer, settings: Settings, key: bytes, value: bytes | None, *, at: datetime) -> None:
    topic = Topics(settings.kafka.topic_prefix).items
    producer.send(topic, value, key=key, timestamp_ms=int(at.timestamp() * 1000)).get(timeout=10)


def write_lines(path: Path, items: Sequence[Item | dict[str, Any]]) -> Path:
    rows = [json.loads(encode_item(one)) if isinstance(one, Item) else one for one in items]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def click(number: int, item_id: str, at: datetime, visitor: str = "v") -> Event:
    return Event(
        message_id=f"{visitor}-{number}", anonymous_id=visitor, type=EventType.CLICK, timestamp=at, item_id=item_id
    )


def state_of(settings: Settings, visitor: str = "v") -> UserState:
    return decode_state(stored_state(settings, visitor) or b"")


def likes(state: UserState) -> dict[str, float]:
    """Category to share of the visitor's liking."""
    values = evaluate(state, state.event_us)
    return dict(zip(values["categories"], values["category_weights"], strict=True))


def test_events_count_with_the_category_of_their_own_time_whatever_their_order(settings: Settings, store: Any) -> None:
    say(
        settings,
        ("x", Item("x", "X", 1.0, "light", changed_at=NOON), NOON),
        ("x", Item("x", "X", 1.0, "garden", changed_at=NOON + timedelta(hours=1)), NOON + timedelta(hours=1)),
        ("x", None, NOON + timedelta(hours=2)),
    )
    hours = [1.5, 0.5, 2.5, -0.5]
    events = [click(place, "x", NOON + timedelta(hours=hour)) for place, hour in enumerate(hours)]
    # Gone by then: what the event itself says counts.
    events[2].properties = {"category": "said by the page"}
    send(settings, events)
    run_in_process(settings, store)
    assert likes(state_of(settings)).keys() == {"light", "garden", "said by the page"}
    assert likes(state_of(settings))["light"] == pytest.approx(0.5, abs=0.03)


def test_a_change_of_an_item_shows_in_the_features_of_a_running_worker(settings: Settings, store: Any) -> None:
    say(settings, ("x", Item("x", "X", 1.0, "light"), NOON))
    worker = WorkerProcess(settings)
    try:
        send(settings, [click(0, "x", datetime.now(UTC))])
        until(lambda: stored_state(settings, "v") is not None, what="the first click")
        assert likes(state_of(settings)).keys() == {"light"}
        say(settings, ("x", Item("x", "X", 1.0, "garden"), datetime.now(UTC)))
        # Caused by the change, so later than it: no pause between.
        send(settings, [click(1, "x", datetime.now(UTC) + timedelta(milliseconds=2))])
        until(lambda: state_of(settings).version == 2, what="the second click")
        assert likes(state_of(settings)).keys() == {"light", "garden"}
    finally:
        worker.kill()


def test_a_worker_knows_the_whole_catalogue_before_it_folds_its_first_event(settings: Settings, store: Any) -> None:
    items = [Item(f"i{number}", "I", 1.0, f"c{number % 7}") for number in range(20_000)]
    say_many(settings, items)
    send(settings, [click(number, f"i{19_999 - number}", datetime.now(UTC), f"v{number}") for number in range(50)])
    run_in_process(settings, store)
    for number in range(50):
        assert likes(state_of(settings, f"v{number}")).keys() == {f"c{(19_999 - number) % 7}"}


def say_many(settings: Settings, items: Sequence[Item]) -> None:
    producer = open_producer(settings)
    topic = Topics(settings.kafka.topic_prefix).items
    for item in items:
        producer.send(topic, encode_item(item), key=item.item_id.encode(), timestamp_ms=int(NOON.timestamp() * 1000))
    producer.flush()
    producer.close()


def test_records_that_are_no_items_are_counted_and_passed_over(settings: Settings, store: Any) -> None:
    producer = open_producer(settings)
    bad = [
        (b"x", b"{"),
        (b"x", b'{"item_id":"x","name":"X","price":-1,"category":"c"}'),
        (b"x", b'{"item_id":"other","name":"X","price":1,"category":"c"}'),
        (b"", encode_item(LAMP)),
        (b"\xff", encode_item(LAMP)),
    ]
    for key, value in bad:
        put(producer, settings, key, value, at=NOON)
    put(producer, settings, b"lamp", encode_item(LAMP), at=NOON)
    producer.close()
    send(settings, [click(0, "lamp", datetime.now(UTC))])
    worker = run_in_process(settings, store)
    assert likes(state_of(settings)).keys() == {"light"}
    assert worker.metrics.items_poisoned._value.get() == len(bad)
    assert worker.metrics.items._value.get() == 1


def test_a_clock_that_ran_ahead_keeps_no_later_change_out(settings: Settings) -> None:
    ahead = Item("x", "X", 1.0, "light", changed_at=datetime.now(UTC) + timedelta(days=400))
    say(settings, ("x", ahead, NOON), ("x", Item("x", "X", 1.0, "garden"), NOON + timedelta(hours=1)))
    facts = read_facts(settings)
    now_us = int(time.time() * 1e6)
    assert (facts.at("x", now_us) or ("",))[0] == "garden"


def test_a_file_is_loaded_once_and_then_only_what_differs(settings: Settings, tmp_path: Path) -> None:
    topic = Topics(settings.kafka.topic_prefix).items
    first = write_lines(tmp_path / "first.jsonl", [LAMP, MUG])
    assert load_catalogue(settings, first) == Loaded(added=2, changed=0, unchanged=0, gone=0)
    assert load_catalogue(settings, first) == Loaded(added=0, changed=0, unchanged=2, gone=0)
    assert len(records_of_items(settings, topic)) == 2
    dearer = Item("mug", "A Mug", 5.0, "kitchen")
    second = write_lines(tmp_path / "second.jsonl", [dearer, Item("jug", "A Jug", 9.0, "kitchen")])
    assert load_catalogue(settings, second) == Loaded(added=1, changed=1, unchanged=0, gone=0)
    assert load_catalogue(settings, second, replace=True) == Loaded(added=0, changed=0, unchanged=2, gone=1)
    assert load_catalogue(settings, second, replace=True) == Loaded(added=0, changed=0, unchanged=2, gone=0)
    known, end = read_topic(settings)
    assert {name for name, change in known.items() if change.item is None} == {"lamp"}
    assert end == 5
    rows = pq.read_table(settings.catalogue_path).to_pylist()
    assert [(row["item_id"], row["price"]) for row in rows] == [("jug", 9.0), ("mug", 5.0)]


def records_of_items(settings: Settings, topic: str) -> list[Any]:
    return records_of(one_partition(settings), topic)


def one_partition(settings: Settings) -> Settings:
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 1})})


def test_bad_rows_are_told_by_number_and_keep_neither_the_good_nor_the_absent_from_their_due(
    settings: Settings, tmp_path: Path
) -> None:
    load_catalogue(settings, write_lines(tmp_path / "first.jsonl", [LAMP]))
    rows: list[Item | dict[str, Any]] = [
        MUG,
        {"item_id": "a", "name": "A", "price": -1, "category": "c"},
        {"item_id": "b", "name": "B", "category": "c"},
        MUG,
    ]
    loaded = load_catalogue(settings, write_lines(tmp_path / "second.jsonl", rows), replace=True)
    assert (loaded.added, loaded.gone) == (1, 0)
    assert loaded.bad == (
        (2, "price: expected `float` >= 0.0, came -1"),
        (3, "expected item_id, name, price, category; came no price"),
        (4, "item_id: expected each once, came 'mug' again"),
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_csv_and_parquet_say_the_same_as_json(settings: Settings, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"items.{suffix}"
    if suffix == "csv":
        path.write_text('item_id,name,price,category,brand,note\n7,"A, B",1.5,c,,x\n8,C,2,c,acme,\n')
    else:
        import pyarrow as pa

        columns = {"item_id": [7, 8], "name": ["A, B", "C"], "price": [1.5, 2.0], "category": ["c", "c"]}
        pq.write_table(pa.table({**columns, "brand": [None, "acme"], "note": ["x", None]}), path)
    assert load_catalogue(settings, path).added == 2
    known, _ = read_topic(settings)
    said = {name: change.item for name, change in known.items()}
    assert said["7"] is not None
    assert (said["7"].name, said["7"].price, said["7"].brand) == ("A, B", 1.5, None)
    assert said["8"] is not None
    assert (said["8"].price, said["8"].brand) == (2.0, "acme")


def _killed_while_sending(settings: Settings, path: Path, after: int) -> None:
    step, count = KafkaProducer.send, 0

    def deadly(self: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count > after:
            self.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *arguments, **options)

    KafkaProducer.send = deadly
    catalogue.load_catalogue(settings, path)


def test_a_load_killed_midway_and_run_again_sends_each_item_once(settings: Settings, tmp_path: Path) -> None:
    items = [Item(f"i{number}", "I", 1.0 + number, "c") for number in range(300)]
    path = write_lines(tmp_path / "items.jsonl", items)
    process = processes().Process(target=_killed_while_sending, args=(settings, path, 120))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert load_catalogue(settings, path) == Loaded(added=180, changed=0, unchanged=120, gone=0)
    assert len(records_of_items(settings, Topics(settings.kafka.topic_prefix).items)) == 300


def test_the_log_goes_on_where_it_was_when_kafka_comes_back(own_kafka: KafkaServer, settings: Settings) -> None:
    kafka = settings.kafka.model_copy(update={"bootstrap": own_kafka.bootstrap})
    away = settings.model_copy(update={"kafka": kafka})
    from stack.topics import create_topics

    create_topics(away)
    say(away, ("lamp", LAMP, NOON))
    log = ItemLog(away.kafka)
    log.start()
    try:
        assert log.wait(30)
        assert [change.item_id for change in log.take()] == ["lamp"]
        own_kafka.kill()
        until(lambda: bool(log.error), what="that Kafka is away")
        own_kafka.start()
        until(lambda: not log.error, what="that Kafka is back")
        say(away, ("mug", MUG, NOON))
        until(lambda: log.next_offset == 2, what="the mug")
        assert [change.item_id for change in log.take()] == ["mug"]
    finally:
        log.stop()


def _rows(settings: Settings) -> list[dict[str, Any]]:
    rows = open_table(settings, ITEMS).scan().to_arrow().to_pylist()
    return sorted(rows, key=lambda row: (row["item_id"], row["event_timestamp"]))


def _drain(settings: Settings) -> None:
    sink = open_sink(settings)
    end = len(records_of_items(settings, Topics(settings.kafka.topic_prefix).items))
    while sink.position(Topics(settings.kafka.topic_prefix).items, 0) < end:
        sink.step()
    sink.flush()
    sink.close()


def _sink_killed_at_commit(settings: Settings, *, before: bool) -> None:
    step = Transaction.commit_transaction

    def deadly(transaction: Any) -> Any:
        if before:
            os.kill(os.getpid(), signal.SIGKILL)
        step(transaction)
        os.kill(os.getpid(), signal.SIGKILL)

    Transaction.commit_transaction = deadly
    small = settings.model_copy(update={"lake": settings.lake.model_copy(update={"flush_rows": 1})})
    open_sink(small).run(Flag())


def test_the_lake_keeps_each_change_once_whenever_its_sink_is_killed(settings: Settings) -> None:
    hour = timedelta(hours=1)
    say(
        settings,
        ("x", Item("x", "X", 1.0, "light", changed_at=NOON), NOON),
        ("x", Item("x", "X", 1.0, "light", changed_at=NOON + hour / 2), NOON + hour / 2),
        ("x", Item("x", "X", 2.0, "garden", changed_at=NOON + hour), NOON + hour),
        ("lamp", LAMP, NOON),
    )
    for before in (True, False):
        process = processes().Process(target=_sink_killed_at_commit, args=(settings,), kwargs={"before": before})
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
    say(settings, ("x", None, NOON + 2 * hour), ("never seen", None, NOON))
    _drain(settings)
    _drain(settings)
    rows = [row for row in _rows(settings) if row["item_id"] == "x"]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [(row["event_timestamp"], row["price"], row["category"], row["gone"]) for row in rows] == [
        (epoch, 1.0, "light", False),
        (NOON + hour, 2.0, "garden", False),
        (NOON + 2 * hour, 2.0, "garden", True),
    ]
    assert {row["item_id"] for row in _rows(settings)} == {"x", "lamp"}
    assert [row["item_id"] for row in pq.read_table(settings.catalogue_path).to_pylist()] == ["lamp"]
    facts = read_facts(settings)
    said = [facts.at("x", int((NOON + at * hour).timestamp() * 1e6)) for at in (-500, 0.5, 1.5, 2.5)]
    assert [one and one.category for one in said] == ["light", "light", "garden", None]


@pytest.mark.filterwarnings("ignore:Delete operation did not match")
def test_stream_and_backfill_take_the_same_facts(settings: Settings, store: Any) -> None:
    hour = timedelta(hours=1)
    say(settings, *(("x", Item("x", "X", 1.0, f"c{n}", changed_at=NOON + n * hour), NOON + n * hour) for n in range(4)))
    events = [click(n, "x", NOON + n * timedelta(minutes=25), f"v{n % 3}") for n in range(12)]
    send(settings, events)
    run_in_process(settings, store)
    streamed = {visitor: stored_state(settings, visitor) for visitor in ("v0", "v1", "v2")}
    _drain(settings)
    say(settings, ("x", Item("x", "X", 1.0, "c9", changed_at=NOON + 9 * hour), NOON + 9 * hour))
    backfill(settings, events, replace=True, store=store)
    assert {visitor: stored_state(settings, visitor) for visitor in streamed} == streamed


def test_online_rows_of_items_follow_the_topic(settings: Settings, store: Any) -> None:
    say(settings, ("lamp", LAMP, NOON), ("mug", MUG, NOON), ("mug", Item("mug", "A Mug", 5.0, "kitchen"), NOON))
    worker = WorkerProcess(settings)
    names = [f"item_features:{name}" for name in ("price", "category", "brand", "available")]

    def online() -> list[tuple[Any, ...]]:
        answer = store.get_online_features(names, [{"item_id": "lamp"}, {"item_id": "mug"}]).to_dict()
        return list(zip(answer["price"], answer["category"], answer["brand"], answer["available"], strict=True))

    try:
        wanted: list[tuple[Any, ...]] = [(30.0, "light", "acme", True), (5.0, "kitchen", None, True)]
        until(lambda: online() == wanted, what="the rows of items")
        say(settings, ("lamp", None, datetime.now(UTC)), ("mug", Item("mug", "A Mug", 6.0, "kitchen"), NOON))
        wanted = [(None, None, None, False), (6.0, "kitchen", None, True)]
        until(lambda: online() == wanted, what="the changed rows")
    finally:
        worker.kill()
