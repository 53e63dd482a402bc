"""A batch of an engine leaves its rows, its records and its history once, however often it is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from threading import Event as Flag
from typing import Any

import pytest
from pyiceberg.exceptions import CommitFailedException

from contracts.event import encode_event
from contracts.lake import USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS, open_table
from contracts.settings import Settings
from contracts.topics import KIND_FORWARD, KIND_HEADER, ORIGIN_HEADER, Topics
from feature_repo.store import store_config
from features.instant import to_us
from streaming.batch_sink import BatchSink, write_online
from streaming.feature_rows import FeatureRows
from streaming.keyed_fold import Derived, Folded, Record, encode_folded, fold_records
from streaming.lake_batches import AnotherRun, BatchMark, append_batch, stored_mark
from streaming.outbox import Outbox, open_producer
from streaming.spark_rows import ShippedStore, write_rows
from tests.streaming.support import make_events, online_row, read_topic

RUN = "a-checkpoint"


def folded_batches(seed: int, *, batches: int = 3) -> list[list[Folded]]:
    """The same visitors batch after batch."""
    events = make_events(90 * batches, visitors=8, seed=seed)
    memory: dict[str, bytes] = {}
    made = []
    for number in range(batches):
        some = events[90 * number : 90 * (number + 1)]
        batch = []
        for name in sorted({event.profile_id for event in some}):
            records = [
                Record(0, 90 * number + place, 0, name.encode(), encode_event(event))
                for place, event in enumerate(some)
                if event.profile_id == name
            ]
            memory[name], folded = fold_records(memory.get(name), name, records)
            batch.append(folded)
        made.append(batch)
    return made


@pytest.fixture
def sink(settings: Settings) -> Any:
    outbox = Outbox(open_producer(settings), Flag())
    yield BatchSink(settings, outbox)
    outbox.close()


def rows_of(settings: Settings, table: str) -> list[tuple[str, int]]:
    found = open_table(settings, table).scan().to_arrow().to_pylist()
    return sorted((row["user_id"], to_us(row["event_timestamp"])) for row in found)


def history_of(batches: Sequence[Sequence[Folded]]) -> list[tuple[str, int]]:
    return sorted((one.profile_id, row.row_us) for batch in batches for one in batch for row in one.history)


def test_a_batch_that_comes_again_adds_nothing_to_the_lake(settings: Settings, sink: BatchSink) -> None:
    batches = folded_batches(21)
    for number in (0, 1, 1, 2, 2, 1, 0):
        sink.write(BatchMark(RUN, number), batches[number])
    assert rows_of(settings, USER_BEHAVIOR) == history_of(batches)
    changed = [one for batch in batches for one in batch]
    assert len(rows_of(settings, USER_DEMOGRAPHICS)) == sum(one.demographics is not None for one in changed)
    assert len(rows_of(settings, USER_SEGMENTS)) == sum(one.segments is not None for one in changed)
    assert stored_mark(open_table(settings, USER_BEHAVIOR)) == BatchMark(RUN, 2)


def test_killed_between_two_tables_the_next_attempt_writes_the_rest_alone(settings: Settings, sink: BatchSink) -> None:
    batches = folded_batches(22)
    sink.write(BatchMark(RUN, 0), batches[0])
    # The first attempt at batch 1 got as far as the first table.
    from streaming.batch_sink import lake_rows

    append_batch(open_table(settings, USER_BEHAVIOR), lake_rows(batches[1])[USER_BEHAVIOR], BatchMark(RUN, 1))
    sink.write(BatchMark(RUN, 1), batches[1])
    assert rows_of(settings, USER_BEHAVIOR) == history_of(batches[:2])
    assert stored_mark(open_table(settings, USER_SEGMENTS)) is not None


def test_two_drivers_at_the_same_batch_leave_it_once(settings: Settings) -> None:
    # The second has read the table before the first commits: its commit fails, and it looks again.
    from streaming.batch_sink import lake_rows

    rows = lake_rows(folded_batches(23)[0])[USER_BEHAVIOR]
    first, second = (open_table(settings, USER_BEHAVIOR) for _ in range(2))
    assert append_batch(first, rows, BatchMark(RUN, 0)) is True
    assert append_batch(second, rows, BatchMark(RUN, 0)) is False
    assert first.refresh().scan().to_arrow().num_rows == rows.num_rows


def test_a_batch_after_somebody_elses_commit_is_still_known(settings: Settings, sink: BatchSink) -> None:
    batches = folded_batches(24)
    sink.write(BatchMark(RUN, 0), batches[0])
    gone = batches[0][0].profile_id
    open_table(settings, USER_BEHAVIOR).delete(f"user_id == '{gone}'")
    sink.write(BatchMark(RUN, 0), batches[0])
    assert rows_of(settings, USER_BEHAVIOR) == [row for row in history_of(batches[:1]) if row[0] != gone]


def test_batches_of_another_checkpoint_are_refused(settings: Settings, sink: BatchSink) -> None:
    batches = folded_batches(25)
    sink.write(BatchMark(RUN, 0), batches[0])
    with pytest.raises(AnotherRun, match="expected batches of run other, came run a-checkpoint"):
        sink.write(BatchMark("other", 1), batches[1])
    assert rows_of(settings, USER_BEHAVIOR) == history_of(batches[:1])


def test_a_table_that_keeps_moving_is_given_up_and_not_written(settings: Settings, monkeypatch: Any) -> None:
    from streaming.batch_sink import lake_rows

    def refuse(*_: object, **__: object) -> None:
        raise CommitFailedException("moved on")

    table = open_table(settings, USER_BEHAVIOR)
    monkeypatch.setattr("streaming.lake_commit._WAIT_S", 0.0)
    monkeypatch.setattr(type(table), "append", refuse)
    with pytest.raises(CommitFailedException):
        append_batch(table, lake_rows(folded_batches(26)[0])[USER_BEHAVIOR], BatchMark(RUN, 0))
    assert stored_mark(table.refresh()) is None


def test_online_rows_are_the_newest_states_whatever_is_repeated(settings: Settings, store: Any) -> None:
    batches = folded_batches(27)
    rows = FeatureRows(store)
    for number in (0, 1, 2, 1, 0):
        write_online(rows, batches[number])
    newest = {one.profile_id: one.history[-1].state for batch in batches for one in batch if one.history}
    assert {name: online_row(store, name)["state"] for name in newest} == newest


def test_executors_write_the_same_rows_from_what_they_are_shipped(settings: Settings, store: Any) -> None:
    batches = folded_batches(28)
    shipped = ShippedStore.of(store, store_config(settings))
    for batch in batches:
        write_rows(shipped, [encode_folded(one) for one in batch])
    newest = {one.profile_id: one.history[-1].state for batch in batches for one in batch if one.history}
    assert {name: online_row(store, name)["state"] for name in newest} == newest


def test_derived_records_go_out_in_the_order_of_their_causes(settings: Settings, sink: BatchSink) -> None:
    # Folded by different executors, they come in any order; a receiver takes a source's by rising offset.
    def derived(offset: int) -> Derived:
        event = make_events(1, visitors=1, seed=offset)[0]
        headers = [(KIND_HEADER, KIND_FORWARD), (ORIGIN_HEADER, f"3:{offset}:0".encode())]
        return Derived("ada", encode_event(event), headers, 3, offset)

    batch = [Folded(f"v{place}", derived=[derived(offset)]) for place, offset in enumerate((9, 2, 30, 4))]
    sink.write(BatchMark(RUN, 0), batch)
    sent = read_topic(settings, Topics(settings.kafka.topic_prefix).events)
    assert [dict(record.headers)[ORIGIN_HEADER] for record in sent] == [b"3:2:0", b"3:4:0", b"3:9:0", b"3:30:0"]
    assert {record.key for record in sent} == {b"ada"}
    assert len({record.partition for record in sent}) == 1


def test_refused_records_are_kept_with_their_place(settings: Settings, sink: BatchSink) -> None:
    import msgspec

    from contracts.rejected import Rejected

    records = [Record(1, 17, 0, b"ada", b"{broken")]
    sink.write(BatchMark(RUN, 0), [fold_records(None, "ada", records)[1]])
    kept = [
        msgspec.json.decode(one.value, type=Rejected)
        for one in read_topic(settings, Topics(settings.kafka.topic_prefix).rejected)
    ]
    assert [(one.source, one.partition, one.offset, one.raw) for one in kept] == [("spark", 1, 17, "{broken")]


def test_rows_written_late_by_a_zombie_change_nothing(settings: Settings, store: Any) -> None:
    old, _, new = folded_batches(29)
    rows = FeatureRows(store)
    write_online(rows, new)
    before = {one.profile_id: online_row(store, one.profile_id) for one in new}
    write_online(rows, old)
    assert {name: online_row(store, name) for name in before} == before
    assert timedelta(0) < timedelta(microseconds=new[0].history[-1].row_us - old[0].history[-1].row_us)
