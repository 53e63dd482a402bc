"""Who is taken for a bot, and above all who is not."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Consent, Context, Event, EventType
from contracts.settings import Settings
from features.evaluate import evaluate
from features.fold import fold
from features.merge import merge
from features.state import UserState, decode_state, encode_state, new_state
from privacy.pseudonym import Pseudonymizer
from streaming.history import purchase_events, read_purchases
from tests.features.oracle import Oracle
from tests.features.streams import START

SECOND = timedelta(seconds=1)


def event(number: int, at: datetime, kind: EventType = EventType.ITEM_VIEW, context: Context = Context()) -> Event:  # noqa: B008
    return Event(
        message_id=f"m{number}", anonymous_id="v", type=kind, timestamp=at, item_id=f"i{number % 60}", context=context
    )


def after(events: list[Event], *, weight: int = 1) -> UserState:
    state = new_state()
    for one in events:
        fold(state, one, weight=weight)
    return state


def bot(state: UserState) -> int:
    return int(evaluate(state, state.event_us)["bot"])


def timer(gaps_s: list[float], kind: EventType = EventType.ITEM_VIEW) -> list[Event]:
    at, events = START, []
    for number, gap_s in enumerate(gaps_s):
        at += timedelta(seconds=gap_s)
        events.append(event(number, at, kind))
    return events


@pytest.mark.parametrize(("said", "expected"), [(True, 1), (False, 0), (None, 0)])
def test_the_collectors_word_on_the_user_agent_marks(said: bool | None, expected: int) -> None:
    state = after([event(1, START, context=Context(bot=said)), event(2, START)])
    assert (bot(state), state.training) == (expected, not expected)


def test_more_than_an_event_a_second_for_five_minutes_marks() -> None:
    chance = random.Random(3)
    crowded = [event(n, START + chance.random() * 299 * SECOND) for n in range(301)]
    assert (bot(after(crowded[:300])), bot(after(crowded))) == (0, 1)


@pytest.mark.parametrize("kind", [EventType.PURCHASE, EventType.IMPRESSION, EventType.SCROLL, EventType.HOVER])
def test_what_comes_in_crowds_without_haste_does_not_mark(kind: EventType) -> None:
    assert bot(after([event(n, START, kind) for n in range(1000)])) == 0


def test_a_sampled_event_counts_for_those_it_stands_for() -> None:
    views = [event(n, START + n * SECOND) for n in range(4)]
    assert (bot(after(views[:3], weight=100)), bot(after(views, weight=100))) == (0, 1)


@pytest.mark.parametrize(
    ("gaps_s", "expected"),
    [
        ([10.0] * 32, 1),
        # Ten per cent to either side: a coefficient of variation just below, then just above 0.1.
        ([9.1, 10.9] * 16, 1),
        ([8.9, 11.1] * 16, 0),
        # An instant's many items are one moment.
        ([10.0, 0.0, 0.0] * 10 + [0.0] * 2, 0),
        # Once a quarter of an hour is how often an open page asks again, not how a crawler looks.
        ([900.0] * 32, 0),
    ],
)
def test_looks_that_follow_each_other_by_a_timer_mark(gaps_s: list[float], expected: int) -> None:
    assert bot(after(timer(gaps_s))) == expected


def test_standing_orders_and_long_orders_do_not_mark() -> None:
    weekly = timer([604_800.0] * 64, EventType.PURCHASE)
    lines = timer(([600.0] + [0.0] * 49) * 10, EventType.PURCHASE)
    assert (bot(after(weekly)), bot(after(lines))) == (0, 0)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([0.02, 0.09, 0.1, 0.11, 0.5]), st.integers(0, 40))
def test_regularity_is_the_spread_of_the_newest_gaps(data: st.DataObject, spread: float, others: int) -> None:
    signs = data.draw(st.lists(st.sampled_from([-1.0, 1.0, 0.9]), min_size=30, max_size=80))
    events = timer([20 * (1 + spread * sign) for sign in signs])
    late = [event(1000 + n, START + n * SECOND, EventType.PURCHASE) for n in range(others)]
    arrivals = data.draw(st.permutations([*events, *late]))
    assert bot(after(arrivals)) == int(Oracle.of(arrivals).is_bot())


def test_the_mark_survives_storage_merges_and_a_withdrawal_and_keeps_from_training() -> None:
    marked = decode_state(encode_state(after([event(1, START, context=Context(bot=True))])))
    user = after([event(2, START)])
    merge(user, marked)
    assert (bot(user), user.training) == (1, False)
    withdrawal = event(9, START + SECOND, EventType.CONSENT)
    withdrawal.consent = Consent(personalization=False)
    fold(user, withdrawal)
    fold(user, event(3, START + 2 * SECOND))
    assert (bot(user), user.training) == (1, False)


def test_none_of_the_demos_busiest_customers_is_marked() -> None:
    now = START.replace(year=2026)
    purchases = read_purchases(Settings(), now)
    counts = purchases["customer_id"].value_counts().to_pylist()
    busiest = sorted(counts, key=lambda one: -one["counts"])[:25]
    names = pa.array([one["values"] for one in busiest])
    mine = purchases.filter(pc.is_in(purchases["customer_id"], value_set=names))
    states: dict[str, UserState] = {}
    for one in purchase_events(mine, Pseudonymizer("k" * 32)):
        fold(states.setdefault(one.profile_id, new_state()), one)
    assert len(states) == 25
    assert all(state.bot == 0 and state.training for state in states.values())
