"""Trends beside their definition written out, and what an instant may know."""

from __future__ import annotations

from math import exp2, log

import numpy as np
import pytest

from features.item_trends import UNBORN, RecentEvents, feature_count, log_ages, tastes_before, trend_features

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


def test_features_are_those_of_the_definition() -> None:
    counts = np.array([[0.0, 0.5], [3.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    ages = np.array([1.5, 0.3, 4.0, UNBORN], np.float32)
    offered = np.array([True, False, True, False])
    found = trend_features(np.log1p(20.0 * counts).astype(np.float32), ages, offered)
    for item, came in enumerate(found):
        logs = [log(1.0 + 20.0 * count) for count in counts[item]]
        # Shares are of what is offered, items 0 and 2; an age below zero is none.
        shares = [log(1.0 + 200.0 * counts[item, way] / (counts[[0, 2], way].sum() + 0.02)) for way in (0, 1)]
        by_age = [one * max(0.0, float(ages[item])) / 3.0 for one in logs]
        np.testing.assert_allclose(came, [*logs, *shares, *by_age, ages[item] if offered[item] else UNBORN], rtol=1e-5)


def test_what_is_offered_alone_has_the_whole_however_busy_the_hour() -> None:
    ages = np.zeros(3, np.float32)
    for count in (1.0, 1000.0):
        logs = np.log1p(20.0 * np.array([[count], [count], [0.0]], np.float32))
        shares = trend_features(logs, ages, np.array([True, False, True]))[:, 1]
        np.testing.assert_allclose(shares[[0, 2]], [log(201.0), 0.0], atol=0.03)


def test_without_half_lives_there_are_no_features() -> None:
    assert feature_count(()) == 0
    logs = recent().trends(5, np.zeros(2, np.float32), HALF_LIVES)[1]
    features = trend_features(logs, np.zeros(len(logs), np.float32), np.ones(len(logs), np.bool_))
    assert features.shape[1] == feature_count(HALF_LIVES)


def test_events_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="expected events sorted by time"):
        RecentEvents(np.zeros(2, np.int32), np.array([2, 1], np.int64), np.zeros((2, 1), np.float32))
