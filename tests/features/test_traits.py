"""Which word on an attribute stands, in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Context, Event, EventType
from features.fold import fold
from features.merge import merge
from features.state import UserState, new_state
from tests.features.streams import START

HOUR = timedelta(hours=1)


def said(number: int, hours: int, **traits: Any) -> Event:
    return Event(
        message_id=f"m{number}", user_id="u", type=EventType.IDENTIFY, timestamp=START + hours * HOUR, properties=traits
    )


def after(events: list[Event]) -> UserState:
    state = new_state()
    for event in events:
        fold(state, event)
    return state


def known(state: UserState) -> dict[str, Any]:
    return {name: word.value for name, word in state.traits.items()}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        # `plan` goes by source, however old its word is; `shoe` has no rule and goes by time.
        ({"plan": "gold", "source": "crm"}, {"plan": "basic"}, {"plan": "gold"}),
        ({"plan": "gold", "source": "form"}, {"plan": "basic"}, {"plan": "basic"}),
        ({"plan": "gold", "source": "crm"}, {"plan": "basic", "source": "crm"}, {"plan": "basic"}),
        ({"shoe": 38, "source": "crm"}, {"shoe": 39, "source": "form"}, {"shoe": 39}),
        ({"plan": "gold", "source": "nobody"}, {"plan": "basic"}, {"plan": "basic"}),
    ],
)
def test_the_rule_of_an_attribute_decides(
    older: dict[str, Any], newer: dict[str, Any], expected: dict[str, Any], *, swapped: bool
) -> None:
    words = [said(1, 0, **older), said(2, 5, **newer)]
    words = words[::-1] if swapped else words
    assert known(after(words)) == expected
    user, visitor = after(words[:1]), after(words[1:])
    merge(user, visitor)
    assert known(user) == expected


@pytest.mark.parametrize("swapped", [False, True])
def test_at_one_instant_the_better_source_wins_then_the_greater_text(*, swapped: bool) -> None:
    words = [
        said(1, 0, country="AT", source="crm"),
        said(2, 0, country="XX", source="form"),
        said(3, 0, shoe=9, hat="b"),
    ]
    words.append(said(4, 0, shoe="9", hat="c"))
    words[0].context = Context(country="ZZ")
    state = after(words[::-1] if swapped else words)
    assert known(state) == {"country": "AT", "shoe": "9", "hat": "c"}


def test_where_a_visitor_is_goes_by_time_whatever_the_records_say() -> None:
    there = Event(
        message_id="c", user_id="u", type=EventType.CLICK, timestamp=START + HOUR, context=Context(country="FR")
    )
    assert known(after([said(1, 0, country="AT", source="crm"), there])) == {"country": "FR"}


@given(st.permutations(range(40)), st.integers(0, 40))
def test_beyond_what_is_kept_the_same_names_stay_in_any_order_and_by_any_merge(order: list[int], cut: int) -> None:
    words = [said(number, number, **{f"name{number:02}": number}) for number in order]
    words.insert(
        cut, Event(message_id="c", user_id="u", type=EventType.CLICK, timestamp=START, context=Context(city="Z"))
    )
    expected = {"city": "Z", **{f"name{number:02}": number for number in range(23)}}
    assert known(after(words)) == expected
    user, visitor = after(words[:cut]), after(words[cut:])
    merge(user, visitor)
    assert known(user) == expected


def test_what_is_no_attribute_is_passed_over() -> None:
    state = after(
        [said(1, 0, plan=["gold"], company={"name": "x"}, tier=None, gender="f" * 129, **{"n" * 129: 1}, shoe=True)]
    )
    assert known(state) == {"shoe": True}
