"""Trends beside their definition written out, and what an instant may know."""

from __future__ import annotations

from math import exp2, log

import numpy as np
import pytest

from features.item_trends import UNBORN, RecentEvents, feature_count, log_ages, tastes_before

DAY_S = 86_400
HALF_LIVES = (0.5, 2.0)
# Item, second, taste of who touched it.
EVENTS = [
    (2, 0, (1.0, 0.0)),
    (0, DAY_S, (0.0, 1.0)),
    (2, DAY_S, (0.6, 0.8)),
    (2, 2 * DAY_S, (-1.0, 0.0)),
    (1, 3 * DAY_S, (1.0, 0.0)),
]


def recent() -> RecentEvents:
    items, seconds, tastes = zip(*EVENTS, strict=True)
    return RecentEvents(np.array(items, np.int32), np.array(seconds, np.int64), np.array(tastes, np.float32))


@pytest.mark.parametrize("instant_s", [1, DAY_S, DAY_S + 1, 3 * DAY_S, 5 * DAY_S])
def test_counts_are_those_of_the_definition(instant_s: int) -> None:
    taste = np.array([0.8, 0.6], np.float32)
    items, values = recent().trends(instant_s, taste, HALF_LIVES)
    before = [event for event in EVENTS if event[1] < instant_s]
    assert items.tolist() == sorted({item for item, _, _ in before})
    for place, item in enumerate(items.tolist()):
        expected: list[float] = []
        for among_alike in (False, True):
            for half_life in HALF_LIVES:
                count = 0.0
                for other, at_s, theirs in before:
                    cosine = max(0.0, 0.8 * theirs[0] + 0.6 * theirs[1])
                    weight = 0.02 + cosine**2 if among_alike else 1.0
                    count += weight * exp2(-(instant_s - at_s) / DAY_S / half_life) * (other == item)
                expected.append(log(1.0 + 20.0 * count))
        np.testing.assert_allclose(values[place], expected, rtol=1e-5)


def test_what_is_six_half_lives_old_is_let_go() -> None:
    items, _ = recent().trends(int(13.5 * DAY_S), np.zeros(2, np.float32), HALF_LIVES)
    assert items.tolist() == [1, 2]
    items, _ = recent().trends(int(14.5 * DAY_S), np.zeros(2, np.float32), HALF_LIVES)
    assert items.tolist() == [1]


def test_an_item_has_no_age_before_its_first_event() -> None:
    ages = log_ages(np.array([0, DAY_S], np.int64), np.array([0, DAY_S, 4 * DAY_S], np.int64))
    expected = [[UNBORN, UNBORN], [log(2.0), UNBORN], [log(5.0), log(4.0)]]
    np.testing.assert_allclose(ages, expected, rtol=1e-6)


def test_a_taste_is_the_direction_of_what_went_before() -> None:
    vectors = np.array([[3.0, 0.0], [0.0, 4.0]], np.float32)
    # One person touched 0, 1, 1; the next one 1, 0.
    found = tastes_before(np.array([0, 1, 1, 1, 0], np.int32), np.array([0, 3, 5], np.int64), vectors)
    np.testing.assert_allclose(found, [[0.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 0.0], [0.0, 1.0]], atol=1e-6)


def test_without_half_lives_there_are_no_features() -> None:
    assert feature_count(()) == 0
    assert feature_count(HALF_LIVES) == recent().trends(1, np.zeros(2, np.float32), HALF_LIVES)[1].shape[1] + 1


def test_events_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="expected events sorted by time"):
        RecentEvents(np.zeros(2, np.int32), np.array([2, 1], np.int64), np.zeros((2, 1), np.float32))
