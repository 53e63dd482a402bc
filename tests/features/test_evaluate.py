"""Values of a state by hand, and the contract that every declared feature is there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.event import Event, EventType
from features.evaluate import evaluate
from features.fold import fold
from features.segments import segments
from features.state import BOUGHT_KEPT, RECENT_KEPT, UserState, decode_state, encode_state, new_state
from features.values import FEATURES
from tests.features.oracle import micros
from tests.features.streams import START

KINDS = {"float": (float, int), "int": (int,), "string": (str,), "strings": (list,), "floats": (list,)}


def after(*events: tuple[EventType, timedelta, str]) -> UserState:
    state = new_state()
    for number, (kind, delay, item_id) in enumerate(events):
        event = Event(message_id=str(number), user_id="u", type=kind, timestamp=START + delay, item_id=item_id)
        fold(state, event)
    return state


def test_every_declared_feature_is_given_and_no_other() -> None:
    values = evaluate(after((EventType.PURCHASE, timedelta(), "a")), micros(START))
    assert set(values) == {spec.name for spec in FEATURES}
    assert all(isinstance(values[spec.name], KINDS[spec.dtype]) for spec in FEATURES)


def test_an_empty_state_has_every_value() -> None:
    assert set(evaluate(new_state(), micros(START))) == {spec.name for spec in FEATURES}


def test_values_go_down_as_time_passes_without_an_event() -> None:
    state = after((EventType.CLICK, timedelta(), "a"), (EventType.CLICK, timedelta(minutes=1), "b"))
    soon = evaluate(state, micros(START + timedelta(minutes=1)))
    next_day = evaluate(state, micros(START + timedelta(days=1, minutes=1)))
    assert (soon["click_1h"], soon["click_24h"]) == (2, 2)
    assert (next_day["click_1h"], next_day["click_24h"], next_day["click_7d"]) == (0, 0, 2)
    # The first click is a minute older than the second: (1 + 2**(-1/1440)) halves in a day.
    assert next_day["click_decayed_1d"] == pytest.approx((1 + 2 ** (-1 / 1440)) / 2)


def test_a_clock_that_lags_is_taken_as_the_newest_event() -> None:
    state = after((EventType.CLICK, timedelta(), "a"))
    assert evaluate(state, micros(START - timedelta(seconds=5)))["recency_s"] == 0.0


def test_evaluating_alters_nothing() -> None:
    state = after((EventType.ADD_TO_CART, timedelta(), "a"))
    before = encode_state(state)
    values = evaluate(state, micros(START + timedelta(days=400)))
    values["recent_items"].clear()
    assert encode_state(state) == before


def test_a_state_stays_bounded_however_many_events_come() -> None:
    state = new_state()
    for number in range(5000):
        event = Event(
            message_id=str(number),
            user_id="u",
            type=EventType.PURCHASE,
            timestamp=START + timedelta(minutes=7 * number),
            item_id=f"item{number}",
            price=1.0,
            properties={"category": f"category{number}"},
        )
        fold(state, event)
    assert len(state.recent_items) == RECENT_KEPT
    assert len(state.bought_items) == BOUGHT_KEPT
    assert state.recent_items[0] == "item4999"
    assert evaluate(state, state.event_us)["bought_items"][:2] == ["item4999", "item4998"]
    assert len(encode_state(state)) < 6_000


@pytest.mark.parametrize("payload", [b"", b"\xc0", b"no state", b"\x91\xcc\xff"])
def test_bytes_that_are_no_state_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        decode_state(payload)


def test_segments_follow_from_values() -> None:
    cart = after((EventType.ITEM_VIEW, timedelta(), "a"), (EventType.ADD_TO_CART, timedelta(minutes=1), "a"))
    assert segments(evaluate(cart, micros(START + timedelta(minutes=2)))) == ["new"]
    assert segments(evaluate(cart, micros(START + timedelta(days=2)))) == ["returning", "cart_abandoner"]
    bought = after((EventType.PURCHASE, timedelta(), "a"))
    assert segments(evaluate(bought, micros(START + timedelta(days=40)))) == ["dormant", "buyer"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_at_one_instant_bought_wins_over_removed_and_removed_over_added(order: tuple[int, ...]) -> None:
    kinds = [EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.PURCHASE]
    bought = after(*((kinds[place], timedelta(), "a") for place in order))
    removed = after(*((kinds[place], timedelta(), "a") for place in order if place < 2))
    added = after((EventType.ADD_TO_CART, timedelta(), "a"))
    assert [evaluate(state, micros(START))["cart_size"] for state in (bought, removed, added)] == [0, 0, 1]
    assert [evaluate(state, micros(START))["bought_total"] for state in (bought, removed, added)] == [1, 0, 0]
