"""The fold against a naive recount, on streams that hypothesis makes as nasty as it can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Consent, Event, EventType
from features.evaluate import evaluate
from features.fold import Outcome, fold
from features.instant import to_us
from features.state import decode_state, encode_state, new_state
from tests.features.oracle import Oracle, agree, micros
from tests.features.profiles import folded
from tests.features.streams import FACTS, START, facts_of, streams

LATER = st.timedeltas(timedelta(), timedelta(days=45))


def view(message_id: str, at: datetime, *, item_id: str = "a", consent: Consent = Consent()) -> Event:  # noqa: B008
    return Event(
        message_id=message_id,
        anonymous_id="v",
        type=EventType.ITEM_VIEW,
        timestamp=at,
        item_id=item_id,
        consent=consent,
    )


def newest(stream: list[Event]) -> datetime:
    return max((event.timestamp for event in stream), default=START)


@settings(max_examples=400, deadline=None)
@given(streams(days=80, most=60, consents=True), LATER)
def test_values_equal_a_recount_of_all_events_in_time_order(stream: list[Event], later: timedelta) -> None:
    arrivals = sorted(stream, key=lambda event: event.timestamp)
    at = newest(stream) + later
    agree(evaluate(folded(arrivals), micros(at)), Oracle.of(arrivals, facts=FACTS).values(at))


@settings(max_examples=300, deadline=None)
@given(st.data(), LATER, st.sampled_from([timedelta(hours=1), timedelta(days=3), timedelta(days=30)]))
def test_weights_and_the_lateness_limit_enter_as_they_are_defined(
    data: st.DataObject, later: timedelta, lateness: timedelta
) -> None:
    arrivals = data.draw(streams(days=40, most=40))
    weights = {event.message_id: data.draw(st.sampled_from([1, 1, 2, 160])) for event in arrivals}
    state = folded(arrivals, weights=weights, lateness=lateness)
    at = newest(arrivals) + later
    oracle = Oracle.of(arrivals, facts=FACTS, weights=weights, lateness=lateness)
    agree(evaluate(state, micros(at)), oracle.values(at))


@settings(max_examples=400, deadline=None)
@given(st.data(), LATER)
def test_shuffled_and_repeated_events_give_the_values_of_clean_ones(data: st.DataObject, later: timedelta) -> None:
    stream = data.draw(streams(days=29, most=15))
    repeats = data.draw(st.lists(st.sampled_from(stream), max_size=8)) if stream else []
    arrivals = data.draw(st.permutations([*stream, *repeats]))
    at = newest(stream) + later
    clean = sorted(stream, key=lambda event: event.timestamp)
    state, oracle = folded(arrivals), Oracle.of(clean, facts=FACTS)
    agree(evaluate(state, micros(at)), oracle.values(at))
    assert {name: word.value for name, word in state.traits.items()} == oracle.traits()


@settings(max_examples=200, deadline=None)
@given(streams(days=60, most=40), LATER)
def test_late_events_alter_nothing(stream: list[Event], later: timedelta) -> None:
    at = newest(stream) + later
    agree(evaluate(folded(stream), micros(at)), Oracle.of(stream, facts=FACTS).values(at))


@settings(max_examples=200, deadline=None)
@given(streams(days=80, most=40, consents=True), st.sets(st.integers(0, 40)))
def test_a_state_that_goes_through_storage_folds_to_the_same_bytes(stream: list[Event], cuts: set[int]) -> None:
    stored = new_state()
    for place, event in enumerate(stream):
        fold(stored, event, facts=facts_of(event.item_id))
        if place in cuts:
            stored = decode_state(encode_state(stored))
    assert encode_state(stored) == encode_state(folded(stream))
    assert decode_state(encode_state(stored)) == stored


@given(streams(days=80, most=40))
def test_the_rows_timestamp_grows_with_every_fold(stream: list[Event]) -> None:
    state, before = new_state(), -1
    for event in stream:
        if fold(state, event) is Outcome.APPLIED:
            assert state.row_us > before
            assert state.row_us >= micros(event.timestamp)
            before = state.row_us


def test_a_repeated_message_is_told_and_changes_nothing() -> None:
    state = new_state()
    event = view("m1", START)
    assert fold(state, event) is Outcome.APPLIED
    before = encode_state(state)
    assert fold(state, event) is Outcome.DUPLICATE
    assert encode_state(state) == before


def test_an_event_older_than_the_longest_window_is_late() -> None:
    state = new_state()
    fold(state, view("new", START))
    before = encode_state(state)
    assert fold(state, view("old", START - timedelta(days=30, microseconds=1))) is Outcome.LATE
    assert encode_state(state) == before
    assert fold(state, view("just in time", START - timedelta(days=30))) is Outcome.APPLIED


def test_the_lateness_limit_can_be_set() -> None:
    state = new_state()
    fold(state, view("new", START))
    old = view("old", START - timedelta(hours=2))
    assert fold(state, old, lateness_us=3_600_000_000) is Outcome.LATE


def test_an_out_of_order_event_lands_in_its_own_bucket() -> None:
    state = new_state()
    fold(state, view("new", START))
    fold(state, view("old", START - timedelta(hours=5)))
    values = evaluate(state, micros(START))
    assert (values["item_view_1h"], values["item_view_24h"]) == (1, 2)


def test_an_event_without_consent_is_withheld() -> None:
    state = new_state()
    assert fold(state, view("m", START, consent=Consent(personalization=False))) is Outcome.WITHHELD
    assert encode_state(state) == encode_state(new_state())


def test_withdrawing_consent_forgets_what_was_known_and_what_comes_late() -> None:
    state = new_state()
    fold(state, view("before", START))
    no = Consent(personalization=False)
    withdrawal = Event(
        message_id="w", anonymous_id="v", type=EventType.CONSENT, timestamp=START + timedelta(hours=1), consent=no
    )
    assert fold(state, withdrawal) is Outcome.APPLIED
    assert fold(state, view("late", START + timedelta(minutes=30))) is Outcome.WITHHELD
    values = evaluate(state, micros(START + timedelta(hours=2)))
    assert (values["recent_items"], values["item_view_30d"], state.version) == ([], 0, 2)
    assert fold(state, view("anew", START + timedelta(hours=3), item_id="z")) is Outcome.APPLIED
    assert state.recent_items == ["z"]


def test_one_event_without_consent_for_training_marks_the_state() -> None:
    state = new_state()
    fold(state, view("m1", START))
    assert state.training
    fold(state, view("m2", START, consent=Consent(training=False)))
    fold(state, view("m3", START))
    assert not state.training


def test_microseconds_survive_the_way_through_a_double() -> None:
    for us in (0, 1, 999_999, 1_767_225_599_999_999, 4_102_444_800_000_001):
        assert to_us(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)) == us
