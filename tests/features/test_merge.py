"""Merging two profiles equals folding all their events into one."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Consent, Event, EventType
from features.evaluate import evaluate
from features.fold import fold
from features.merge import merge
from features.state import UserState, encode_state, new_state
from tests.features.oracle import Oracle, agree, micros
from tests.features.streams import START, streams


def folded(arrivals: list[Event]) -> UserState:
    state = new_state()
    for event in arrivals:
        fold(state, event)
    return state


@settings(max_examples=300, deadline=None)
@given(st.data(), st.timedeltas(timedelta(), timedelta(days=45)))
def test_a_merge_equals_the_fold_of_all_events(data: st.DataObject, later: timedelta) -> None:
    stream = data.draw(streams(days=29, most=16))
    cut = data.draw(st.integers(0, len(stream)))
    user, visitor = folded(stream[:cut]), folded(stream[cut:])
    merge(user, visitor)
    at = max((event.timestamp for event in stream), default=START) + later
    clean = sorted(stream, key=lambda event: event.timestamp)
    agree(evaluate(user, micros(at)), Oracle.of(clean).values(at))


@given(streams(days=29, most=16))
def test_a_merge_leaves_the_other_state_as_it_was(stream: list[Event]) -> None:
    other = folded(stream)
    before = encode_state(other)
    into = folded(stream[:3])
    merge(into, other)
    fold(into, Event(message_id="more", user_id="u", type=EventType.CLICK, timestamp=START, item_id="z"))
    assert encode_state(other) == before


def test_the_merged_row_is_newer_than_either() -> None:
    one, two = new_state(), new_state()
    fold(one, Event(message_id="1", user_id="u", type=EventType.CLICK, timestamp=START))
    fold(two, Event(message_id="2", anonymous_id="a", type=EventType.CLICK, timestamp=START + timedelta(hours=1)))
    rows = one.row_us, two.row_us
    merge(one, two)
    assert one.row_us > max(rows)


def test_what_a_visitor_withdrew_does_not_come_back_with_the_user() -> None:
    user, visitor = new_state(), new_state()
    view = Event(message_id="1", user_id="u", type=EventType.ITEM_VIEW, timestamp=START, item_id="secret")
    fold(visitor, view)
    withdrawal = Event(
        message_id="2",
        user_id="u",
        type=EventType.CONSENT,
        timestamp=START + timedelta(hours=1),
        consent=Consent(personalization=False),
    )
    fold(user, withdrawal)
    merge(user, visitor)
    assert user.recent_items == []


def test_a_message_folded_in_either_profile_counts_once_afterwards() -> None:
    user, visitor = new_state(), new_state()
    event = Event(message_id="1", anonymous_id="v", type=EventType.CLICK, timestamp=START)
    fold(visitor, event)
    merge(user, visitor)
    fold(user, event)
    assert user.version == 1
