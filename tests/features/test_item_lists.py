"""Recent actions and purchases beyond what is kept, against lists that forget nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Event, EventType
from features import timeline
from features.evaluate import evaluate
from features.fold import fold
from features.item_code import ItemCode, code_of, ids_of
from features.merge import merge
from features.state import UserState, decode_state, encode_state, new_state
from tests.features.oracle import CODES, micros, milli
from tests.features.streams import START

KINDS = [EventType.ITEM_VIEW, EventType.PURCHASE, EventType.PURCHASE]
Acts = list[tuple[datetime, EventType, str]]


@st.composite
def many_acts(draw: st.DrawFn) -> Acts:
    """More actions than are kept, in clusters of equal times, in any order of arrival."""
    chance = draw(st.randoms(use_true_random=False))
    items = [str(number) if number % 3 else f"item {number}" for number in range(draw(st.sampled_from([5, 90, 400])))]
    step = draw(st.sampled_from([timedelta(0), timedelta(milliseconds=1), timedelta(minutes=7)]))
    acts = [
        (START + step * (number // draw(st.just(4))), chance.choice(KINDS), chance.choice(items))
        for number in range(draw(st.integers(0, 260)))
    ]
    if draw(st.booleans()):
        chance.shuffle(acts)
    return acts


def after(acts: Acts, first: int = 0) -> UserState:
    state = new_state()
    for number, (at, kind, item) in enumerate(acts, first):
        fold(state, Event(message_id=str(number), user_id="u", type=kind, timestamp=at, item_id=item))
    return state


def expected(acts: Acts) -> tuple[list[str], dict[str, datetime]]:
    """The newest 100 actions, and the newest purchases: of those 100, and 60 more items'."""
    ordered = sorted(acts, key=lambda act: (milli(act[0]), CODES[act[1].value], act[2]), reverse=True)
    older: dict[str, datetime] = {}
    for at, kind, item in ordered[100:]:
        if kind is EventType.PURCHASE:
            older.setdefault(item, milli(at))
    kept = dict(sorted(older.items(), key=lambda one: (one[1], one[0]), reverse=True)[:60])
    for at, kind, item in reversed(ordered[:100]):
        if kind is EventType.PURCHASE:
            kept[item] = milli(at)
    return [item for _, _, item in ordered[:100]], kept


def check(state: UserState, acts: Acts) -> None:
    recent, bought = expected(acts)
    values = evaluate(state, state.event_us)
    assert values["recent_items"] == recent
    assert values["bought_items"] == sorted(bought, key=lambda item: (-micros(bought[item]), item))
    assert decode_state(encode_state(state)) == state


@settings(max_examples=100, deadline=None)
@given(many_acts())
def test_what_is_kept_is_the_newest_whatever_the_order_of_arrival(acts: Acts) -> None:
    check(after(acts), acts)


@settings(max_examples=60, deadline=None)
@given(many_acts(), st.integers(0, 260))
def test_merged_lists_are_those_of_all_actions(acts: Acts, cut: int) -> None:
    user, visitor = after(acts[:cut]), after(acts[cut:], first=1000)
    merge(user, visitor)
    recent, _ = expected(acts)
    values = evaluate(user, user.event_us)
    assert values["recent_items"] == recent
    # What either side had forgotten is forgotten; the purchases among the newest actions are known.
    pairs = zip(values["recent_items"], values["recent_actions"], strict=True)
    assert set(values["bought_items"]) >= {item for item, action in pairs if action == "purchase"}


ODD_IDS = st.sampled_from(["0", "00", "-1", "١٢", "1" * 30, "9" * 18])
LINES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.sampled_from(["a", "7", "10"])), max_size=12)


@given(st.one_of(st.text(min_size=1), st.integers().map(str), ODD_IDS))
def test_an_item_id_comes_back_as_it_was(item_id: str) -> None:
    assert ids_of([code_of(item_id)]) == [item_id]


@given(LINES, st.data())
def test_a_timeline_with_lines_taken_out_keeps_the_times_of_the_others(
    lines: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    items: list[ItemCode] = []
    marks: list[int] = []
    for at_ms, action, item in lines:
        where = timeline.place_of(items, marks, code_of(item), action, at_ms)
        timeline.insert(items, marks, code_of(item), action, at_ms, where)
    left = sorted(lines, reverse=True)
    while True:
        assert list(zip(timeline.times_ms(marks), timeline.actions(marks), ids_of(items), strict=True)) == left
        if not left:
            break
        place = data.draw(st.integers(0, len(left) - 1))
        timeline.remove(items, marks, place)
        del left[place]
