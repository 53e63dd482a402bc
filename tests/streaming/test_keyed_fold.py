"""The fold by key, as an engine with states of its own runs it, is the fold."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

import pytest

from contracts.event import Event, EventType, encode_event
from contracts.lanes import MAIN, lane_of
from contracts.topics import KIND_HEADER, ORIGIN_HEADER
from features.evaluate import evaluate
from features.fold import fold
from features.instant import from_us, to_us
from features.state import UserState, encode_state, new_state
from streaming.keyed_fold import Folded, Record, decode_folded, encode_folded, fold_records, stored_cell
from streaming.partitioning import partition_of
from tests.features.oracle import Oracle, agree
from tests.streaming.support import MIXED_KINDS, START, make_events

PARTITIONS = 4


class Engine:
    """A topic and a state store: what a streaming engine keeps, in memory. Batches are of any size."""

    def __init__(self) -> None:
        self.memory: dict[str, bytes] = {}
        self.topic: dict[int, list[Record]] = defaultdict(list)
        self.taken: dict[int, int] = defaultdict(int)

    def put(
        self, profile_id: str, value: bytes, headers: Iterable[tuple[str, bytes]] = (), *, lane: int = MAIN
    ) -> None:
        partition = partition_of(profile_id, PARTITIONS) + lane * PARTITIONS
        records = self.topic[partition]
        records.append(Record(partition, len(records), 0, profile_id.encode(), value, tuple(headers)))

    def batch(self, size: int) -> list[Folded]:
        """Fold up to `size` records a partition and commit."""
        groups: dict[str, list[Record]] = defaultdict(list)
        for partition in list(self.topic):
            first = self.taken[partition]
            for record in self.topic[partition][first : first + size]:
                groups[(record.key or b"").decode()].append(record)
                self.taken[partition] += 1
        made = []
        for profile_id, records in groups.items():
            random.Random(profile_id).shuffle(records)
            self.memory[profile_id], folded = fold_records(self.memory.get(profile_id), profile_id, records)
            made.append(folded)
        return made

    def deliver(self, made: Iterable[Folded]) -> None:
        """Put what was derived on the topic, as the sink does."""
        derived = [one for each in made for one in each.derived]
        for one in sorted(derived, key=lambda one: (one.partition, one.offset)):
            self.put(one.profile_id, one.body, one.headers)

    def run(self, size: int) -> list[Folded]:
        """Everything, batch after batch, until nothing is left."""
        made: list[Folded] = []
        while fresh := self.batch(size):
            made += fresh
            self.deliver(fresh)
        return made

    def state(self, profile_id: str) -> UserState:
        return stored_cell(self.memory[profile_id]).state


def plain(events: Iterable[Event]) -> dict[str, UserState]:
    states: dict[str, UserState] = defaultdict(new_state)
    for event in events:
        fold(states[event.profile_id], event)
    return states


def put_all(engine: Engine, events: Iterable[Event]) -> None:
    for event in events:
        engine.put(event.profile_id, encode_event(event), lane=lane_of(event.type))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_states_are_the_plain_folds_whatever_the_batches(size: int) -> None:
    events = make_events(1500, visitors=40, seed=3)
    engine = Engine()
    put_all(engine, events)
    engine.run(size)
    expected = plain(events)
    assert {name: encode_state(engine.state(name)) for name in expected} == {
        name: encode_state(state) for name, state in expected.items()
    }


@pytest.mark.parametrize("size", [3, 10_000])
def test_both_lanes_of_a_home_make_one_profile(size: int) -> None:
    events = make_events(800, visitors=12, seed=14, kinds=MIXED_KINDS)
    engine = Engine()
    put_all(engine, events)
    assert {partition >= PARTITIONS for partition in engine.topic} == {False, True}
    engine.run(size)
    for name, state in plain(events).items():
        mine = [event for event in events if event.profile_id == name]
        at = from_us(state.event_us) + timedelta(seconds=5)
        agree(evaluate(engine.state(name), to_us(at)), Oracle.of(mine).values(at))


def test_the_last_of_a_batchs_history_is_the_stored_state() -> None:
    engine = Engine()
    put_all(engine, make_events(600, visitors=10, seed=4))
    last = {one.profile_id: one.history[-1].state for one in engine.run(50) if one.history}
    assert last == {name: encode_state(engine.state(name)) for name in last}
    assert len(last) == 10


def test_history_holds_every_event_time_once_and_row_times_rise() -> None:
    events = make_events(400, visitors=5, seed=5)
    engine = Engine()
    put_all(engine, events)
    rows: dict[str, list[int]] = defaultdict(list)
    times: dict[str, list[int]] = defaultdict(list)
    for one in engine.run(33):
        rows[one.profile_id] += [snapshot.row_us for snapshot in one.history]
        times[one.profile_id] += [snapshot.event_us for snapshot in one.history]
    for name in rows:
        assert rows[name] == sorted(set(rows[name]))
        assert times[name] == sorted(times[name])
    assert {name: found[-1] for name, found in times.items()} == {
        name: state.event_us for name, state in plain(events).items()
    }


def test_a_batch_given_again_makes_the_same_of_the_same_memory() -> None:
    events = make_events(200, visitors=1, seed=6)
    name = events[0].profile_id
    records = [Record(0, offset, 0, name.encode(), encode_event(event)) for offset, event in enumerate(events)]
    memory, _ = fold_records(None, name, records[:80])
    first, again = (fold_records(memory, name, records[80:]) for _ in range(2))
    assert first[0] == again[0]
    assert encode_folded(first[1]) == encode_folded(again[1])


def login(visitor: str, user: str, *, number: int, after_s: float) -> Event:
    return Event(
        message_id=f"login-{visitor}-{number}",
        anonymous_id=visitor,
        user_id=user,
        type=EventType.IDENTIFY,
        timestamp=START + timedelta(seconds=after_s),
    )


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("twice", [False, True], ids=["delivered once", "derived records delivered twice"])
def test_visitors_that_log_in_are_merged_into_the_user_once(size: int, twice: bool) -> None:
    # Six visitors of as many partitions as there are become two users, each at its own moment, and go on.
    events = make_events(300, visitors=6, seed=8)
    people = sorted({event.profile_id for event in events})
    sent: list[Event] = []
    for number, event in enumerate(events):
        sent.append(event)
        if number % 40 == 39:
            visitor = people[number // 40 % 6]
            sent.append(login(visitor, f"user-{people.index(visitor) % 2}", number=number, after_s=number * 20.0))
    engine = Engine()
    put_all(engine, sent)
    while made := engine.batch(size):
        engine.deliver(made)
        if twice:
            engine.deliver(made)
    for user in ("user-0", "user-1"):
        visitors = {event.anonymous_id for event in sent if event.user_id == user}
        theirs = [event for event in sent if user == event.user_id or event.anonymous_id in visitors]
        state = engine.state(user)
        at = from_us(state.event_us) + timedelta(seconds=5)
        agree(evaluate(state, to_us(at)), Oracle.of(theirs).values(at))
    for visitor in people:
        merged = any(event.user_id and event.anonymous_id == visitor for event in sent)
        assert (stored_cell(engine.memory[visitor]).alias is not None) == merged


def test_what_cannot_be_understood_is_refused_with_its_place_and_harms_nobody() -> None:
    good = make_events(3, visitors=1, seed=9)
    name = good[0].profile_id
    records = [
        Record(2, 5, 0, name.encode(), encode_event(good[0])),
        Record(2, 6, 0, name.encode(), b"{not json"),
        Record(2, 7, 0, name.encode(), None),
        Record(2, 8, 0, name.encode(), encode_event(good[1]), ((KIND_HEADER, b"nonsense"), (ORIGIN_HEADER, b"1:1:0"))),
        Record(2, 9, 0, name.encode(), encode_event(good[2])),
    ]
    memory, folded = fold_records(None, name, records)
    assert [(one.partition, one.offset) for one in folded.refused] == [(2, 6), (2, 7), (2, 8)]
    assert all(one.reason for one in folded.refused)
    assert folded.outcomes == {"applied": 2, "poison": 3}
    assert encode_state(stored_cell(memory).state) == encode_state(plain([good[0], good[2]])[name])


def test_a_record_that_the_fold_chokes_on_is_refused_and_the_rest_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    events = make_events(6, visitors=1, seed=10)
    name = events[0].profile_id
    bad = events[2].message_id

    def choking(state: UserState, event: Event, **options: object) -> object:
        if event.message_id == bad:
            state.version += 100
            raise ArithmeticError("no such number")
        return fold(state, event)

    monkeypatch.setattr("streaming.folding.fold", choking)
    records = [Record(0, offset, 0, name.encode(), encode_event(event)) for offset, event in enumerate(events)]
    memory, folded = fold_records(None, name, records)
    assert [(one.offset, one.reason) for one in folded.refused] == [(2, "ArithmeticError: no such number")]
    assert encode_state(stored_cell(memory).state) == encode_state(plain(events[:2] + events[3:])[name])


def test_attributes_are_told_when_they_change_and_not_again() -> None:
    events = make_events(30, visitors=1, seed=11)
    name = events[0].profile_id
    for event in events:
        event.context = type(event.context)(country="GB")
    events[20].context = type(events[20].context)(country="FR")
    events[20].timestamp = START + timedelta(days=2)
    memory: bytes | None = None
    told = []
    for offset, event in enumerate(events):
        memory, folded = fold_records(memory, name, [Record(0, offset, 0, name.encode(), encode_event(event))])
        if folded.demographics is not None:
            told.append((offset, folded.demographics["country"]))
    assert told == [(0, "GB"), (20, "FR")]


def test_what_the_fold_tells_survives_its_way_to_the_sink() -> None:
    visitor = make_events(4, visitors=1, seed=12)
    name = visitor[0].profile_id
    events = [*visitor, login("elsewhere", name, number=1, after_s=500.0)]
    records = [
        Record(1, offset, 0, event.profile_id.encode(), encode_event(event)) for offset, event in enumerate(events)
    ]
    folded = fold_records(None, name, [record for record in records if record.key == name.encode()])[1]
    assert decode_folded(encode_folded(folded)) == folded
    assert [one.profile_id for one in folded.derived] == ["elsewhere"]


def test_another_schema_of_the_memory_is_refused() -> None:
    import msgspec

    foreign = msgspec.msgpack.encode([99, None, {}, None, None])
    with pytest.raises(ValueError, match="expected a profile's memory of schema 1, came schema 99"):
        stored_cell(foreign)
