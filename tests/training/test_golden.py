"""Whom golden requests show, and what of them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from contracts.event import Context, Event, EventType
from contracts.golden import Golden
from features.evaluate import evaluate
from features.fold import fold
from features.instant import to_us
from features.ranking_input import RANKING_VALUES
from features.state import decode_state, encode_state, new_state
from features.tower_input import INPUTS, Vocabulary
from training.dataset import Dataset, build_dataset
from training.golden import choose_rows, nameless
from training.labels import Moment

AT = datetime(2026, 5, 1, 9, tzinfo=UTC)


def moments(histories: list[tuple[str, int]]) -> Dataset:
    """One moment a line: a visitor and how many items they had bought before."""
    items = tuple(f"i{n}" for n in range(40))
    rows = []
    for number, (user, length) in enumerate(histories):
        values = evaluate(new_state(), number) | {
            "recent_items": list(items[:length]),
            "recent_actions": ["purchase"] * length,
            "recent_ages_s": [1.0] * length,
            "training_allowed": True,
        }
        rows.append((Moment(user, number, frozenset({"i39"}), frozenset()), values))
    return build_dataset([row[0] for row in rows], [row[1] for row in rows], Vocabulary(items, ()))


def test_each_visitor_stands_there_once_by_their_newest_moment_and_none_without_a_history() -> None:
    data = moments([("new", 0), ("ann", 1), ("bob", 5), ("ann", 9), ("eve", 3)])
    assert choose_rows(data, 10).tolist() == [4, 2, 3]
    assert choose_rows(data, 10, without=frozenset({"bob"})).tolist() == [4, 3]


def test_short_and_long_histories_are_both_shown() -> None:
    data = moments([(f"u{n}", n + 1) for n in range(30)])
    assert choose_rows(data, 4).tolist() == [0, 10, 19, 29]


def test_nothing_that_was_typed_or_told_is_kept_and_what_tower_and_ranker_read_is() -> None:
    state = new_state()
    for number, kind in enumerate((EventType.SEARCH, EventType.ITEM_VIEW, EventType.PURCHASE, EventType.IDENTIFY)):
        fold(
            state,
            Event(
                message_id=f"secret-{number}",
                user_id="u",
                type=kind,
                timestamp=AT,
                item_id=None if kind in (EventType.SEARCH, EventType.IDENTIFY) else "i1",
                price=2.0,
                properties={"query": "a rash that itches", "nickname": "Zaphod", "category": "kitchen"},
                context=Context(country="France", city="Trifouillis", device="mobile"),
            ),
        )
    before = evaluate(state, to_us(AT) + 1)
    kept = encode_state(nameless(decode_state(encode_state(state))))
    after = evaluate(decode_state(kept), to_us(AT) + 1)
    read = (*INPUTS, *RANKING_VALUES)
    assert {name: after[name] for name in read} == {name: before[name] for name in read}
    assert (after["country"], after["recent_items"][:1]) == ("France", ["i1"])
    assert before["search_terms"] == ["a rash that itches"]
    assert not any(word in kept for word in (b"rash", b"Zaphod", b"Trifouillis"))
    assert b"rash" in encode_state(state)
    assert decode_state(kept).seen == b""


def test_bytes_go_through_json() -> None:
    golden = msgspec.json.decode(
        b'{"tolerance":0.0001,"requests":[{"state":"AP8=","at_us":1,"items":["a"],"scores":[0.1]}]}', type=Golden
    )
    assert golden.requests[0].state == b"\x00\xff"
    assert np.float32(golden.requests[0].scores[0]) == pytest.approx(0.1)
