"""Exact search."""

from __future__ import annotations

import numpy as np
import pytest

from serving.index import Hit, ItemIndex

ITEMS = ["lamp", "mug", "plate", "vase"]
VECTORS = np.array([[1, 0], [0, 1], [2, 0], [0, -3]], dtype=np.float32)
NO_BIAS = np.zeros(4, dtype=np.float32)
CATEGORIES = ["light", "kitchen", "kitchen", "decor"]


def index() -> ItemIndex:
    return ItemIndex(ITEMS, VECTORS, NO_BIAS, CATEGORIES)


def vector(*numbers: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(numbers, dtype=np.float32)


def test_finds_the_largest_inner_products_best_first() -> None:
    # lamp 1*1 = 1, mug 0.5*1 = 0.5, plate 1*2 = 2, vase 0.5*-3 = -1.5
    assert index().search(vector(1, 0.5), 3) == [Hit("plate", 2.0), Hit("lamp", 1.0), Hit("mug", 0.5)]


def test_a_bias_lifts_its_item() -> None:
    biased = ItemIndex(ITEMS, VECTORS, np.array([0, 0, 0, 9], dtype=np.float32), CATEGORIES)

    # vase: -1.5 + 9 = 7.5
    assert biased.search(vector(1, 0.5), 1) == [Hit("vase", 7.5)]


def test_gives_all_there_are_where_more_are_asked_for() -> None:
    assert [hit.item_id for hit in index().search(vector(1, 0), 100)] == ["plate", "lamp", "mug", "vase"]


def test_searches_one_category_alone() -> None:
    assert index().search(vector(1, 0.5), 10, category="kitchen") == [Hit("plate", 2.0), Hit("mug", 0.5)]
    assert index().search(vector(1, 0.5), 10, category="garden") == []


def test_agrees_with_a_full_sort_of_random_vectors() -> None:
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(500, 16)).astype(np.float32)
    bias = rng.normal(size=500).astype(np.float32)
    names = [f"i{row}" for row in range(500)]
    built = ItemIndex(names, vectors, bias, ["all"] * 500)
    asked = rng.normal(size=16).astype(np.float32)

    expected = [names[row] for row in np.argsort(-(vectors @ asked + bias))[:25]]

    assert [hit.item_id for hit in built.search(asked, 25)] == expected


def test_similar_goes_by_direction_and_leaves_the_item_itself_out() -> None:
    hits = index().similar("lamp", 2)

    # plate points as the lamp does: cosine 1; mug and vase stand at right angles: 0
    assert hits[0] == Hit("plate", 1.0)
    assert [hit.item_id for hit in hits] == ["plate", "mug"]


def test_similar_to_an_item_without_a_vector_is_an_error() -> None:
    with pytest.raises(KeyError):
        index().similar("ghost", 1)


def test_refuses_a_vector_of_another_length() -> None:
    with pytest.raises(ValueError, match=r"expected a vector \[2\], came \[3\]"):
        index().search(vector(1, 2, 3), 1)


def test_refuses_numbers_that_are_none() -> None:
    broken = VECTORS.copy()
    broken[1, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        ItemIndex(ITEMS, broken, NO_BIAS, CATEGORIES)


def test_refuses_lengths_that_differ() -> None:
    with pytest.raises(ValueError, match=r"n = 3 items"):
        ItemIndex(ITEMS[:3], VECTORS, NO_BIAS, CATEGORIES)


def test_refuses_an_id_that_stands_twice() -> None:
    with pytest.raises(ValueError, match="4 different item ids, came 3"):
        ItemIndex(["lamp", "mug", "lamp", "vase"], VECTORS, NO_BIAS, CATEGORIES)
