"""The join of answers with what followed, against a naive one that tries every pair."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training.ranking.impressions import GAINS, Action, Answer, join

WINDOW_US = 10

_answers = st.lists(
    st.tuples(st.sampled_from("pq"), st.integers(0, 30), st.lists(st.sampled_from("abc"), unique=True, max_size=3)),
    max_size=6,
).map(lambda rows: [Answer(f"r{n}", who, at, tuple(items)) for n, (who, at, items) in enumerate(rows)])
_actions = st.lists(
    st.builds(
        Action,
        profile_id=st.sampled_from("pq"),
        at_us=st.integers(0, 45),
        item_id=st.sampled_from("abcd"),
        kind=st.sampled_from([*GAINS, "item_view"]),
        recommendation_id=st.sampled_from(["", *(f"r{n}" for n in range(6))]),
    ),
    max_size=12,
)


def naive(answers: list[Answer], actions: list[Action]) -> list[tuple[float, ...]]:
    worth = {"click": 1.0, "add_to_cart": 3.0, "purchase": 5.0}
    gains = [[0.0] * len(answer.items) for answer in answers]
    for action in actions:
        fitting = [
            number
            for number, answer in enumerate(answers)
            if answer.profile_id == action.profile_id
            and action.item_id in answer.items
            and 0 < action.at_us - answer.at_us <= 10
        ]
        named = [number for number in fitting if answers[number].recommendation_id == action.recommendation_id]
        chosen = named or sorted(fitting, key=lambda number: (answers[number].at_us, number))[-1:]
        for number in chosen:
            place = answers[number].items.index(action.item_id)
            gains[number][place] = max(gains[number][place], worth.get(action.kind, 0.0))
    return [tuple(row) for row in gains]


@given(_answers, _actions)
def test_join_is_that_of_every_pair_tried(answers: list[Answer], actions: list[Action]) -> None:
    assert join(answers, actions, window_us=WINDOW_US) == naive(answers, actions)


def test_one_click_counts_for_one_answer_and_the_worthiest_action_stays() -> None:
    answers = [Answer("r1", "p", 0, ("a", "b")), Answer("r2", "p", 5, ("b", "a"))]
    actions = [Action("p", 8, "a", "purchase"), Action("p", 9, "a", "click"), Action("p", 9, "b", "click", "r1")]
    assert join(answers, actions, window_us=10) == [(0.0, 1.0), (0.0, 5.0)]


def test_the_window_is_open_at_its_begin_and_closed_at_its_end() -> None:
    answers = [Answer("r1", "p", 100, ("a",))]
    for at_us, gain in ((100, 0.0), (101, 1.0), (110, 1.0), (111, 0.0)):
        assert join(answers, [Action("p", at_us, "a", "click")], window_us=10) == [(gain,)]
