"""Items that no model was told of: who is asked for them, what is hidden, and what popularity knows of them by then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.quality.cold import CHANCE, ColdCases, a_tenth, counted_before, rows
from bench.quality.cold_films import BY_CONTENT, films_to_find, measure_films, visible
from bench.quality.cold_retail import biases_before, window_of, without
from bench.quality.interactions import Floats, Interactions
from features.instant import DAY_US
from features.tower_forward import TowerWeights, forward
from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, DENSE_WIDTH, ORDER_BUCKETS
from tests.bench.quality.small import small
from tests.training.test_fit import COUNT, shop
from training.artefact import TowerArrays
from training.dataset import Ragged
from training.sequence.config import SequenceConfig

COLD = np.arange(40) >= 15


def cases() -> ColdCases:
    had = [np.array([0, 20], np.int32), np.array([], np.int32)]
    return ColdCases(COLD, np.array(["a", "b"]), had, [np.array([30, 31], np.int32), np.array([39], np.int32)])


def test_cold_items_alone_are_listed_and_none_that_was_there_before() -> None:
    scores = np.tile(np.arange(40, 0, -1, dtype=np.float32), (2, 1))
    lists = cases().lists(scores)
    assert lists[0].tolist() == [15, 16, 17, 18, 19, 21, 22, 23, 24, 25]
    assert lists[1].tolist() == list(range(15, 25))
    with pytest.raises(ValueError, match="expected 10 cold items or more for each case, came 9"):
        ColdCases(np.arange(40) >= 31, np.array(["a"]), [np.array([], np.int32)], [np.array([31])]).lists(scores[:1])


def test_chance_finds_the_share_that_fits_into_a_list() -> None:
    found, _ = cases().by_chance()
    assert found.shape == (2,)
    many = ColdCases(COLD, np.array(["a"] * 60), [np.array([], np.int32)] * 60, [np.array([39])] * 60)
    assert many.by_chance()[0].mean() == pytest.approx(10 / 25, abs=0.05)


def test_a_row_has_its_figure_by_that_of_chance() -> None:
    perfect = np.zeros((2, 40), np.float32)
    perfect[0, [30, 31]] = 1.0
    perfect[1, 39] = 1.0
    table = rows(cases(), {"perfect": perfect})
    assert table["perfect"]["recall"] == table["perfect"]["ndcg"] == 1.0
    assert table["perfect"]["times_chance"] == pytest.approx(1.0 / table[CHANCE]["recall"])
    assert table[CHANCE]["times_low"] == table[CHANCE]["times_high"] == 1.0


def test_counts_before_an_instant_leave_out_that_instant_and_fade() -> None:
    items, at_us = np.array([0, 1, 0, 2], np.int32), np.array([0, 1, 1, 2]) * DAY_US
    found = counted_before(np.array([1, 2, 3]) * DAY_US, items, at_us, 4, None)
    assert found.tolist() == [[1, 0, 0, 0], [2, 1, 0, 0], [2, 1, 1, 0]]
    faded = counted_before(np.array([2]) * DAY_US, items, at_us, 4, 1.0)
    assert faded[0].tolist() == [0.75, 0.5, 0, 0]


def test_a_hidden_tenth_is_of_the_known_items() -> None:
    hidden = a_tenth(COLD, seed=1)
    assert hidden.sum() == 2
    assert not (hidden & ~COLD).any()
    assert not np.array_equal(hidden, a_tenth(COLD, seed=2))


def test_hidden_items_are_in_no_history_and_no_basket() -> None:
    data = shop()
    hidden = np.zeros(30, np.bool_)
    hidden[data.inputs.items[0, 1] - 1] = True
    hidden[data.basket[0][0]] = True
    left = without(data, hidden)
    for row in range(len(data)):
        assert left.basket[row].tolist() == [item for item in data.basket[row].tolist() if not hidden[item]]
        assert left.bought[row].tolist() == [item for item in data.bought[row].tolist() if not hidden[item]]
        history = data.inputs.items[row]
        stay = [place for place in np.flatnonzero(history) if not hidden[history[place] - 1]]
        for name in ("items", "ages", "orders", "actions"):
            before, after = getattr(data.inputs, name)[row], getattr(left.inputs, name)[row]
            assert after[: len(stay)].tolist() == before[stay].tolist()
            assert not after[len(stay) :].any()
    assert np.array_equal(left.at_us, data.at_us)


def test_an_item_is_new_in_the_window_that_saw_it_first() -> None:
    data = shop()
    # The data end on the first of 60 days before the cutoff of day 400; item 0 moves into its last days alone.
    late = data.at_us.max() - 10 * DAY_US
    at = np.repeat(data.at_us, data.purchased.lengths)
    flat = np.where((data.purchased.flat == 0) & (at < late), 1, data.purchased.flat).astype(np.int32)
    window = window_of(replace(data, purchased=Ragged(flat, data.purchased.starts)), back=0)
    assert window.cutoff_us == (int(data.at_us.max()) // DAY_US + 1 - 56) * DAY_US
    assert np.array_equal(window.rows, np.flatnonzero(data.at_us >= window.cutoff_us))
    assert window.new[0]
    assert not (window.new & window.hidden).any()
    with pytest.raises(ValueError, match="expected purchases before the 56 days of the window, came none"):
        window_of(data, back=1)


def test_hidden_films_are_to_be_found_by_whoever_has_others() -> None:
    data = small()
    hidden = np.arange(6) == 3
    known = visible(data, ~hidden)
    assert known.items.tolist() == [item for item in data.items.tolist() if item != 3]
    found = films_to_find(data, known, hidden)
    # Users 0 and 2 have item 3 and others; user 1 does not have it.
    assert found.users.tolist() == ["0", "2"]
    assert [one.tolist() for one in found.relevant] == [[3], [3]]


def test_a_hidden_film_is_found_by_its_genre() -> None:
    """Everybody keeps to one of four genres of 60 films."""
    chance = np.random.default_rng(5)
    people, films = 80, 240
    genres = np.arange(films) % 4
    picks = [chance.permutation(np.flatnonzero(genres == person % 4))[:20] for person in range(people)]
    data = Interactions(
        name="films",
        users=np.repeat(np.arange(people), 20).astype(np.int32),
        items=np.concatenate(picks).astype(np.int32),
        actions=np.zeros(people * 20, np.int32),
        at_s=None,
        content=np.eye(4, dtype=np.float32)[genres],
        attributes=np.zeros((people, 1), np.int32),
        contexts=np.zeros((people * 20, 0), np.int32),
        action_kinds=1,
    )
    config = SequenceConfig(dim=16, inner=16, length=20, epochs=10, batch=8, learning_rate=1e-2, warm_up_steps=5)
    table = measure_films(data, config, seed=1)
    assert table["items"] == 24
    assert table["rows"][BY_CONTENT]["times_low"] > 2.0


def some_arrays(random: np.random.Generator) -> TowerArrays:
    def some(*shape: int) -> Floats:
        return random.normal(size=shape).astype(np.float32)

    weights = TowerWeights(
        history=some(COUNT + 1, 4),
        age_logits=some(AGE_BUCKETS),
        order_logits=some(ORDER_BUCKETS),
        action_logits=some(ACTION_BUCKETS),
        mean=some(DENSE_WIDTH),
        scale=some(DENSE_WIDTH),
        hidden=some(DENSE_WIDTH, 3),
        hidden_bias=some(3),
        out=some(3, 4),
        country=some(2, 4),
    )
    return TowerArrays(weights, some(COUNT, 4), some(COUNT))


def test_biases_as_of_a_case_are_learned_from_the_moments_before_it() -> None:
    data = shop(30)
    data = data.take(np.argsort(data.at_us, kind="stable"))
    random = np.random.default_rng(6)
    arrays = some_arrays(random)
    moments, asked = np.arange(10, 30), np.array([10, 17, 29])
    found = biases_before(data, data.inputs, moments, asked, arrays)
    expected = np.zeros(COUNT)
    seen = {}
    for row in moments.tolist():
        seen[row] = expected.copy()
        scores = (forward(arrays.user, data.inputs.take(np.array([row]))) @ arrays.vectors.T + arrays.bias)[0]
        shown = [item for item in range(COUNT) if item not in data.bought[row].tolist()]
        chances = np.exp(scores[shown].astype(np.float64) + expected[shown])
        slope = np.zeros(COUNT)
        slope[shown] = chances / chances.sum()
        slope[data.basket[row]] -= 1.0 / len(data.basket[row])
        expected = expected - 0.3 * np.sqrt(len(data.basket[row])) * slope
    assert not found[0].any()
    assert found[1] == pytest.approx(seen[17], abs=1e-5)
    assert found[2] == pytest.approx(seen[29], abs=1e-5)
