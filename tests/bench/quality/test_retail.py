"""The demo's moments as events: the same histories, the same things to be found."""

from __future__ import annotations

import numpy as np

from bench.quality.measures import check_lists
from bench.quality.retail import as_folds, as_interactions, content_table
from contracts.item import Item
from tests.training.test_baselines import dataset, moment, values
from training.baselines import Popularity
from training.catalogue import item_content
from training.evaluation import top_items
from training.split import temporal_holdout

CONTENT = item_content([Item(item_id=name, name=f"red thing {name}", category="x", price=1.0) for name in "abcd"])
MOMENTS = dataset(
    (moment("u", 0, "ab"), values()),
    (moment("v", 1, "abc"), values()),
    (moment("u", 2, "c", "ab"), values()),
    (moment("v", 3, "ad", "abc"), values()),
    (moment("u", 4, "ad", "abc"), values()),
)


def test_every_moment_has_its_purchases_after_those_that_went_before() -> None:
    data, places = as_interactions(MOMENTS, CONTENT)
    assert data.users.tolist() == [0] * 5 + [1] * 5
    assert data.items.tolist() == [0, 1, 2, 0, 3, 0, 1, 2, 0, 3]
    assert places.tolist() == [0, 5, 2, 8, 3]


def test_folds_ask_what_the_holdouts_ask() -> None:
    data, places = as_interactions(MOMENTS, CONTENT)
    final = temporal_holdout(MOMENTS, days=1)
    tuning = temporal_holdout(MOMENTS, days=2, before_us=final.cutoff_us)
    folds = as_folds(MOMENTS, data, places, tuning, final, 1)
    assert [folds.final.relevant[0].tolist()] == [[3]]
    assert data.items[folds.final.starts[0] : folds.final.ends[0]].tolist() == [0, 1, 2]
    assert np.flatnonzero(~folds.final.fit).tolist() == [3, 4]
    # Before day 2 nobody had a d, so v has nothing to find on day 3; u finds the c of v.
    assert folds.tuning.candidates.tolist() == [True, True, True, False]
    assert [folds.tuning.relevant[0].tolist()] == [[2]]
    assert np.flatnonzero(folds.tuning.fit).tolist() == [0, 1, 5, 6, 7]


def test_lists_of_the_demos_models_keep_the_folds_rules() -> None:
    final = temporal_holdout(MOMENTS, days=1)
    data, places = as_interactions(MOMENTS, CONTENT)
    fold = as_folds(MOMENTS, data, places, final, final, 1).final
    scorer = Popularity(MOMENTS, final.cutoff_us, half_life_days=None)
    check_lists(data, fold, top_items(scorer, MOMENTS, final, final.test, k=1))


def test_content_is_words_category_and_price() -> None:
    table = content_table(CONTENT)
    # Of "red thing a" the words shared by three names or more: red and thing; one category; one price.
    assert table.sum(axis=1).tolist() == [4, 4, 4, 4]
