"""What was turned down, against the words of the definition; and what it does to a softmax."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from training.config import RefusalConfig
from training.labels import Moment
from training.refusals import COLUMNS, extra_logits, refused_items

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
CONFIG = RefusalConfig(shown=3, days=7.0)


def deeds(*rows: tuple[str, float, str, str]) -> pa.Table:
    named = [
        {"profile_id": user, "timestamp": NOON + timedelta(hours=hours), "type": kind, "item_id": item}
        for user, hours, kind, item in rows
    ]
    kinds: Any = [pa.string(), pa.timestamp("us", tz="UTC"), pa.string(), pa.string()]
    return pa.Table.from_pylist(named, schema=pa.schema(list(zip(COLUMNS, kinds, strict=True))))


def moment(user: str, hours: float, *basket: str) -> Moment:
    at_us = int((NOON + timedelta(hours=hours)).timestamp() * 1e6)
    return Moment(user, at_us, frozenset(basket), frozenset())


def refused(table: pa.Table, at: Moment) -> list[str]:
    (found,) = refused_items([at], table, CONFIG)
    return sorted(found)


def test_shown_three_times_without_a_word_is_turned_down() -> None:
    seen = [("ada", hour, "impression", "mug") for hour in (1, 2, 3)]
    assert refused(deeds(*seen), moment("ada", 4)) == ["mug"]
    assert refused(deeds(*seen[:2]), moment("ada", 4)) == []
    assert refused(deeds(*seen), moment("bob", 4)) == []
    # The third showing is at the moment itself.
    assert refused(deeds(*seen), moment("ada", 3)) == []
    # A click begins the count anew, and what is bought is not turned down.
    assert refused(deeds(*seen, ("ada", 2.5, "click", "mug")), moment("ada", 4)) == []
    assert refused(deeds(*seen), moment("ada", 4, "mug")) == []


def test_taken_out_of_the_cart_is_turned_down_until_wanted_again() -> None:
    once = [("ada", 1.0, "add_to_cart", "mug"), ("ada", 2.0, "remove_from_cart", "mug")]
    assert refused(deeds(*once), moment("ada", 3)) == ["mug"]
    assert refused(deeds(*once, ("ada", 2.5, "add_to_cart", "mug")), moment("ada", 3)) == []


def test_what_was_turned_down_is_forgotten_after_a_week() -> None:
    removed = deeds(("ada", 0.0, "remove_from_cart", "mug"))
    assert refused(removed, moment("ada", 7 * 24)) == ["mug"]
    assert refused(removed, moment("ada", 7 * 24 + 0.001)) == []


KINDS = ["impression", "click", "item_view", "add_to_cart", "remove_from_cart", "purchase", "like"]
DEEDS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 300), st.sampled_from(KINDS), st.sampled_from("xyz")), max_size=25
)


@given(rows=DEEDS, hours=st.integers(0, 300), basket=st.sets(st.sampled_from("xyz")))
def test_agrees_with_the_definition(rows: list[tuple[str, int, str, str]], hours: int, basket: set[str]) -> None:
    expected = []
    for item in sorted(set("xyz") - basket):
        mine = [kind for user, at, kind, what in sorted(rows, key=lambda row: row[1])
                if user == "a" and what == item and hours - 168 <= at < hours]  # fmt: skip
        cared = [place for place, kind in enumerate(mine) if kind != "impression"]
        shown = len(mine) - 1 - cared[-1] if cared else len(mine)
        if shown >= 3 or (cared and mine[cared[-1]] == "remove_from_cart"):
            expected.append(item)
    table = deeds(*((user, float(at), kind, item) for user, at, kind, item in rows))
    assert refused(table, moment("a", hours, *basket)) == expected


def test_a_refused_item_counts_as_several_others() -> None:
    scores = np.array([[0.3, -0.2, 0.9]])
    logits = extra_logits(np.array([[True, False, True]]), np.array([[True, False, False]]), 4.0)
    odds = np.exp(scores + logits)
    # The third, refused, stands for five of its like; the first is a positive, whatever was said before.
    expected = np.exp(0.3) + np.exp(-0.2) + 5 * np.exp(0.9)
    assert np.isclose(odds.sum(), expected)
    assert logits[0, 0] == 0.0
    assert logits.dtype == np.float32
