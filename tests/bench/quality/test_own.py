"""What a sequence model is asked for, and its lists where scores follow trends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.quality.own import sequences_of
from tests.bench.quality.small import small
from training.sequence.config import SequenceConfig

TRENDS = SequenceConfig(trend_half_lives_days=(1.0,))


def asked(config: SequenceConfig | None) -> list[tuple[int, int]]:
    """(user, item) of the events asked for."""
    data = small()
    chosen = sequences_of(data, np.ones(len(data), np.bool_), config).asked
    return list(zip(data.users[chosen].tolist(), data.items[chosen].tolist(), strict=True))


def test_a_repeat_is_not_asked_for() -> None:
    data = small()
    everything = list(zip(data.users.tolist(), data.items.tolist(), strict=True))
    assert asked(None) == list(dict.fromkeys(everything))


def test_with_trends_an_items_very_first_event_is_not_asked_for() -> None:
    # Items 0 to 5 came first with users 0, 1, 1, 2, 1, 1.
    assert asked(TRENDS) == [(0, 1), (0, 2), (0, 3), (2, 0), (2, 1), (2, 2)]


def test_of_a_session_its_begin_alone_is_asked_for() -> None:
    # At hour 100 user 1's session begins with a repeat; at hour 103 user 2's goes on to item 2.
    everything = asked(None)
    assert asked(SequenceConfig(ask="session")) == [pair for pair in everything if pair not in [(1, 4), (2, 2)]]
    assert asked(replace(TRENDS, ask="session")) == [(0, 1), (0, 2), (0, 3), (2, 0), (2, 1)]


def test_a_moment_is_a_users_second() -> None:
    data = small()
    rows = np.ones(len(data), np.bool_)
    assert data.at_s is not None
    assert sequences_of(data, rows, TRENDS).opens is None
    shared = replace(data, at_s=data.at_s // 7200)
    found = sequences_of(shared, rows, SequenceConfig(ask="moment")).opens
    pairs = list(zip(shared.users.tolist(), (data.at_s // 7200).tolist(), strict=True))
    assert found is not None
    assert found.tolist() == [place == 0 or pairs[place] != pairs[place - 1] for place in range(len(pairs))]
    assert not found.all()
    with pytest.raises(ValueError, match="expected times of events"):
        sequences_of(replace(data, at_s=None), rows, SequenceConfig(ask="moment"))
