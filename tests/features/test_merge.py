"""Merging two profiles equals folding all their events into one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Consent, Event, EventType
from features.evaluate import evaluate
from features.fold import fold
from features.merge import merge
from features.state import decode_state, encode_state, new_state
from tests.features.oracle import Oracle, agree, micros
from tests.features.profiles import folded
from tests.features.streams import FACTS, START, facts_of, streams

LATER = st.timedeltas(timedelta(), timedelta(days=45))


@settings(max_examples=300, deadline=None)
@given(st.data(), LATER)
def test_merges_at_any_moment_and_in_any_order_equal_the_fold_of_all_events(
    data: st.DataObject, later: timedelta
) -> None:
    """Two visitors become the user, each at a moment of its own; what comes for them later is the user's."""
    stream = data.draw(streams(days=29, most=15))
    owners = [data.draw(st.integers(0, 2)) for _ in stream]
    merged_at = [len(stream) + 1, data.draw(st.integers(0, len(stream))), data.draw(st.integers(0, len(stream)))]
    states = [new_state(), new_state(), new_state()]
    for place, (event, owner) in enumerate(zip([*stream, None], [*owners, 0], strict=True)):
        for other in (1, 2):
            if merged_at[other] == place:
                merge(states[0], decode_state(encode_state(states[other])))
        if event is not None:
            profile = states[0] if place >= merged_at[owner] else states[owner]
            fold(profile, event, facts=facts_of(event.item_id))
    at = max((event.timestamp for event in stream), default=START) + later
    oracle = Oracle.of(sorted(stream, key=lambda event: event.timestamp), facts=FACTS)
    agree(evaluate(states[0], micros(at)), oracle.values(at))
    assert {name: word.value for name, word in states[0].traits.items()} == oracle.traits()


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


@pytest.mark.parametrize("visitor_added", [False, True])
@pytest.mark.parametrize(("bought_s", "held"), [(-1, ["a"]), (0, []), (1, [])])
def test_what_one_profile_bought_leaves_the_others_cart(bought_s: int, held: list[str], *, visitor_added: bool) -> None:
    adding = Event(message_id="1", user_id="u", type=EventType.ADD_TO_CART, timestamp=START, item_id="a")
    bought_at = START + timedelta(seconds=bought_s)
    buying = Event(message_id="2", user_id="u", type=EventType.PURCHASE, timestamp=bought_at, item_id="a")
    added, bought = folded([adding]), folded([buying])
    user, visitor = (bought, added) if visitor_added else (added, bought)
    merge(user, visitor)
    assert evaluate(user, micros(START) + 10**7)["cart_items"] == held
    assert evaluate(folded([buying, adding]), micros(START) + 10**7)["cart_items"] == held
