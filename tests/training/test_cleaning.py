"""Each rule against a naive one, and what the report says."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.training.purchases import NOON, line, table
from training.cleaning import (
    REFUND_COLUMNS,
    Evidence,
    clean_purchases,
    outlying_moments,
    repeated,
    returned,
    upper_bound,
)
from training.config import CleaningConfig

DAY_US = 86_400_000_000


def refunds(*rows: tuple[str, float, str, int | None]) -> pa.Table:
    return table(*(line(*row, type="refund") for row in rows)).select(REFUND_COLUMNS)


def items(rows: pa.Table) -> list[str]:
    return rows["item_id"].to_pylist()  # type: ignore[no-any-return]


def test_rules_take_their_lines_in_turn_and_are_counted() -> None:
    rows = table(
        line("robot", 0, "a"),
        line("ada", 0, "a"),
        line("ada", 0, "a", message_id="the same line again"),
        line("ada", 0, "POST"),
        line("ada", 1, "b"),
        line("bob", 1, "b", 2),
        line("bob", 1, "b", 2, price=1.0, message_id="another line of that invoice"),
    )
    evidence = Evidence(frozenset({"robot"}), refunds(("ada", 3, "b", 1), ("bob", 3, "b", 1)), frozenset({"a", "b"}))
    kept, report = clean_purchases(rows, evidence, CleaningConfig())

    assert list(zip(kept["profile_id"].to_pylist(), items(kept), strict=True)) == [
        ("ada", "a"),
        ("bob", "b"),
        ("bob", "b"),
    ]
    said = report.as_dict()
    assert said["lines"] == {"before": 7, "after": 3}
    assert [(step["rule"], step["before"], step["dropped"], step["after"]) for step in said["steps"]] == [
        ("bots", 7, 1, 6),
        ("repeats", 6, 1, 5),
        ("no_articles", 5, 1, 4),
        ("returned", 4, 1, 3),
    ]
    assert [step["profiles"] for step in said["steps"]] == [1, 1, 1, 1]


def test_rules_can_be_turned_off() -> None:
    rows = table(line("ada", 0, "a"), line("ada", 0, "a"), line("ada", 0, "POST"))
    off = CleaningConfig(repeats=False, no_articles=False, return_days=None)
    kept, report = clean_purchases(rows, Evidence(items=frozenset({"a"}), refunds=refunds(("ada", 1, "a", 9))), off)

    assert kept.num_rows == 3
    assert [step.rule for step in report.steps] == ["bots"]


def test_a_repeat_is_the_same_message_or_the_same_line() -> None:
    first = line("ada", 0, "a", 2)
    rows = table(
        first,
        first | {"message_id": "again"},
        first | {"message_id": "again", "price": 9.0},
        first | {"message_id": "other pieces", "quantity": 3},
        first | {"message_id": "other profile", "profile_id": "bob"},
        first | {"message_id": "later", "timestamp": NOON + timedelta(microseconds=1)},
    )
    assert repeated(rows).tolist() == [False, True, True, False, False, False]


def test_what_came_back_in_part_too_late_or_before_it_was_bought_stays() -> None:
    rows = table(line("ada", 10, "a", 3), line("ada", 10, "b", 3), line("ada", 10, "c", 3), line("ada", 10, "d", 3))
    back = refunds(("ada", 11, "a", 2), ("ada", 41, "b", 3), ("ada", 9, "c", 3), ("bob", 11, "d", 3))
    assert not returned(rows, back, within_us=30 * DAY_US).any()
    assert returned(rows, back, within_us=31 * DAY_US).tolist() == [False, True, False, False]


def test_refunds_add_up_and_take_the_newest_purchase_first() -> None:
    rows = table(line("ada", 0, "a", 2), line("ada", 5, "a", 3), line("ada", 5, "b", None))
    assert returned(rows, refunds(("ada", 6, "a", 1), ("ada", 7, "a", 2)), within_us=30 * DAY_US).tolist() == [
        False,
        True,
        False,
    ]
    assert returned(rows, refunds(("ada", 6, "a", 5)), within_us=30 * DAY_US).tolist() == [True, True, False]
    # Without a quantity all of one line comes back; a line without one is a single piece.
    whole = refunds(("ada", 6, "a", None), ("ada", 6, "b", 1))
    assert returned(rows, whole, within_us=30 * DAY_US).tolist() == [False, True, True]


PIECES = st.tuples(st.integers(0, 20), st.integers(1, 4))


@given(bought=st.lists(PIECES, max_size=6), back=st.lists(PIECES, max_size=6), within=st.integers(0, 20))
def test_returns_agree_with_moving_single_pieces(
    bought: list[tuple[int, int]], back: list[tuple[int, int]], within: int
) -> None:
    rows = table(*(line("ada", day, "a", count) for day, count in bought))
    taken_back = refunds(*(("ada", float(day), "a", count) for day, count in back))
    # Piece by piece: each that comes back is one of the newest purchase that still has one and is not too old.
    left = [count for _, count in bought]
    for day in [day for day, count in sorted(back, key=lambda one: one[0]) for _ in range(count)]:
        fitting = [place for place, (on, _) in enumerate(bought) if left[place] and 0 <= day - on <= within]
        if fitting:
            left[max(fitting, key=lambda place: (bought[place][0], place))] -= 1

    assert returned(rows, taken_back, within_us=within * DAY_US).tolist() == [not pieces for pieces in left]


def test_the_bound_is_robust_deviations_of_logarithms_above_the_median() -> None:
    # log(1 + size) is 0, 1, 2, 3, 4: median 2, absolute deviations 2, 1, 0, 1, 2, their median 1.
    sizes = np.expm1(np.arange(5.0))
    assert upper_bound(sizes, 2.0) == np.expm1(2 + 2 * 1.4826)
    # One customer who buys a million of everything moves it not at all.
    assert upper_bound(np.append(sizes[:-1], 1e6), 2.0) == upper_bound(sizes, 2.0)


def test_outlying_baskets_and_profiles_are_left_out_in_turn() -> None:
    chance = np.random.default_rng(4)
    users = np.array([f"u{number}" for number in range(200)] + ["dealer"] * 50 + ["hotel"])
    sizes = np.concatenate((chance.integers(5, 30, 200), np.full(50, 12), [4_000]))
    out, steps = outlying_moments(users, sizes, CleaningConfig(basket_deviations=4.0, profile_deviations=4.0))

    assert set(users[out].tolist()) == {"dealer", "hotel"}
    assert [(step.rule, step.unit, step.before, step.dropped, step.profiles) for step in steps] == [
        ("outlying_baskets", "moments", 251, 1, 1),
        ("outlying_profiles", "moments", 250, 50, 1),
    ]
    none, no_steps = outlying_moments(users, sizes, CleaningConfig(basket_deviations=None, profile_deviations=None))
    assert not none.any()
    assert no_steps == ()
