"""Labels: one moment a visitor and instant, what was bought then and before; and what the towers read of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.item import Item
from contracts.lake import EVENTS, open_table
from contracts.settings import Settings
from features.evaluate import evaluate
from features.state import new_state
from features.tower_input import Vocabulary, age_bucket, tower_input
from tests.training.purchases import line, table
from training.catalogue import item_content, read_catalogue
from training.labels import moments_of, read_labels


def test_lines_of_one_instant_are_one_basket_and_the_next_knows_it() -> None:
    rows = table(line("u", 1, "c"), line("v", 0, "z"), line("u", 0, "a"), line("u", 0, "b"), line("u", 1, "a"))
    first, second, third = moments_of(rows)
    assert (first.user_id, sorted(first.basket), sorted(first.bought)) == ("u", ["a", "b"], [])
    assert (second.user_id, second.country) == ("v", "UK")
    assert (sorted(third.basket), sorted(third.bought)) == (["a", "c"], ["a", "b"])


def test_only_purchases_of_an_item_with_consent_for_training_are_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    rows = table(
        line("u", 0, "a"),
        line("u", 1, "b", consent_training=False),
        line("u", 2, "c", type="item_view"),
        line("u", 3, None),
    )
    open_table(settings, EVENTS).append(rows)
    labels = read_labels(settings)
    assert [sorted(moment.basket) for moment in labels.moments] == [["a"]]
    assert labels.snapshot_id == open_table(settings, EVENTS).current_snapshot().snapshot_id


def test_labels_are_cleaned_by_refunds_and_catalogue_and_say_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    rows = table(
        line("u", 0, "a", quantity=2),
        line("u", 0, "b", quantity=1),
        line("u", 0, "POST", quantity=1),
        line("u", 5, "a", quantity=2, type="refund"),
        line("u", 5, "b", quantity=1, type="refund", consent_training=False),
    )
    open_table(settings, EVENTS).append(rows)
    labels = read_labels(settings, items=frozenset({"a", "b"}))
    assert [sorted(moment.basket) for moment in labels.moments] == [["b"]]
    said = labels.cleaning.as_dict()
    assert said["lines"] == {"before": 3, "after": 1}
    assert {step["rule"]: step["dropped"] for step in said["steps"]} == {
        "bots": 0,
        "repeats": 0,
        "no_articles": 1,
        "returned": 1,
    }


def test_an_empty_lake_says_what_fills_it(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="run `clickloop load` or `backfill` first"):
        read_labels(Settings(home=tmp_path))


def test_a_missing_catalogue_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="`clickloop load` writes it"):
        read_catalogue(tmp_path / "none.parquet")


def test_words_need_three_descriptions_to_count() -> None:
    names = ("Red Tin", "red box", "RED tin", "A blue tin")
    content = item_content([Item(str(place), name, 1.0, "c") for place, name in enumerate(names)])
    assert content.vocabulary == ("red", "tin")
    assert content.words[:, :3].tolist() == [[1, 2, 0], [1, 0, 0], [1, 2, 0], [2, 0, 0]]


def test_inputs_leave_out_unknown_items_and_number_the_moments() -> None:
    values = evaluate(new_state(), 0) | {
        "recent_items": ["b", "gone", "a", "b"],
        "recent_actions": ["click", "click", "purchase", "purchase"],
        "recent_ages_s": [10.0, 20.0, 86_400.0, 86_400.0],
        "country": "UK",
    }
    inputs = tower_input(values, Vocabulary(("a", "b"), ("France", "UK")))
    assert inputs.items[:4].tolist() == [2, 1, 2, 0]
    assert inputs.orders[:4].tolist() == [1, 2, 2, 0]
    assert inputs.ages[:4].tolist() == [age_bucket(10.0), age_bucket(86_400.0), age_bucket(86_400.0), 0]
    assert int(inputs.country) == 2


def test_ages_fall_into_rising_buckets_within_bounds() -> None:
    ages = [0.0, 60.0, 3600.0, 86_400.0, 30 * 86_400.0, 400 * 86_400.0, 1e12, -5.0]
    buckets = [age_bucket(age) for age in ages]
    assert buckets[:7] == sorted(buckets[:7])
    assert len(set(buckets[2:6])) == 4
    assert (buckets[0], buckets[6], buckets[7]) == (1, 17, 1)
