"""Of a hot profile's events some stand for the others, and the counts stay what they would be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sqrt

import pytest

from contracts.event import Event, EventType
from features.evaluate import evaluate
from features.fold import fold
from features.instant import to_us
from features.sampling import stride, weight_of
from features.state import UserState, encode_state, new_state

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
LIMIT = 200


def _fold(count: int, kind: EventType, *, name: str = "m") -> tuple[UserState, int]:
    """All within one bucket of five minutes; the state and how many events were folded."""
    state, folded = new_state(), 0
    for number in range(count):
        at = START + timedelta(milliseconds=number)
        event = Event(message_id=f"{name}-{number}", anonymous_id="hot", type=kind, timestamp=at, item_id="i")
        weight = weight_of(state, kind, event.message_id, to_us(at), LIMIT)
        if weight:
            fold(state, event, weight=weight)
            folded += 1
    return state, folded


def test_one_in_k_is_kept_by_powers_of_two() -> None:
    assert [stride(counted, 200) for counted in (0, 200, 201, 400, 401, 800, 801)] == [1, 1, 2, 2, 4, 4, 8]


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e"])
def test_count_stays_within_four_deviations_while_few_are_folded(name: str) -> None:
    state, folded = _fold(20_000, EventType.CLICK, name=name)
    counted = evaluate(state, state.event_us)["click_1h"]
    # n * sqrt(2 / limit), the bound of one deviation.
    assert abs(counted - 20_000) < 4 * 20_000 * sqrt(2 / LIMIT)
    # 200, then about 100 for each doubling up to 20,000.
    assert folded < 200 + 100 * 14


def test_state_of_a_hot_profile_is_no_larger_than_a_busy_ones() -> None:
    busy, _ = _fold(LIMIT, EventType.CLICK)
    hot, _ = _fold(20_000, EventType.CLICK)
    assert len(encode_state(hot)) < 1.5 * len(encode_state(busy))


def test_purchases_and_carts_are_never_sampled() -> None:
    for kind in (EventType.PURCHASE, EventType.ADD_TO_CART, EventType.IDENTIFY, EventType.CONSENT):
        state, folded = _fold(1_000, kind)
        assert folded == 1_000
    assert state.version == 1_000


def test_same_events_in_the_same_order_keep_the_same_ones() -> None:
    assert encode_state(_fold(5_000, EventType.SCROLL)[0]) == encode_state(_fold(5_000, EventType.SCROLL)[0])
