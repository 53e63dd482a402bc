"""The catalogue: by id, by category, by words, page by page."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.item import Item
from shop.catalogue import Catalogue, load_catalogue

MUG = Item("1", "Red Mug", 1.25, "Tea & Coffee")
CUP = Item("2", "Blue Tea Cup", 2.5, "Tea & Coffee")
CLOCK = Item("3", "Alarm Clock Red", 3.75, "Clocks & Mirrors")
PUNCH = Item("4", "Blue Hole Punch", 1.0, "Other")
GONE = Item("5", "Red Gone", 1.0, "Other", available=False)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue([MUG, CUP, CLOCK, PUNCH, GONE])


def test_articles_stand_by_name(catalogue: Catalogue) -> None:
    assert list(catalogue.find().items) == [CLOCK, PUNCH, CUP, MUG]


def test_an_unavailable_article_is_nowhere(catalogue: Catalogue) -> None:
    assert catalogue.get("5") is None
    assert catalogue.find(query="gone").total == 0


def test_every_word_must_begin_a_word_of_the_article(catalogue: Catalogue) -> None:
    assert list(catalogue.find(query="RE mu").items) == [MUG]
    assert list(catalogue.find(query="red").items) == [CLOCK, MUG]
    assert catalogue.find(query="red zebra").total == 0


def test_the_categorys_words_are_searched_too(catalogue: Catalogue) -> None:
    assert list(catalogue.find(query="coffee").items) == [CUP, MUG]


def test_category_and_words_narrow_together(catalogue: Catalogue) -> None:
    assert list(catalogue.find(category="Tea & Coffee", query="red").items) == [MUG]


def test_pages_split_the_list_and_the_last_stands_for_any_beyond(catalogue: Catalogue) -> None:
    first, second = catalogue.find(size=3), catalogue.find(page=2, size=3)
    assert (first.total, first.pages, first.number) == (4, 2, 1)
    assert [*first.items, *second.items] == [CLOCK, PUNCH, CUP, MUG]
    assert catalogue.find(page=9, size=3) == second


def test_nothing_found_is_one_empty_page(catalogue: Catalogue) -> None:
    found = catalogue.find(query="zebra")
    assert (list(found.items), found.pages, found.number) == ([], 1, 1)


def test_other_is_the_last_category(catalogue: Catalogue) -> None:
    assert catalogue.categories() == [("Clocks & Mirrors", 1), ("Tea & Coffee", 2), ("Other", 1)]


def test_a_page_below_one_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match="came page 0, size 24"):
        catalogue.find(page=0)


def test_a_loaded_file_may_say_what_is_unavailable(tmp_path: Path) -> None:
    columns = {"item_id": ["1", "2"], "name": ["A", "B"], "price": [1.0, 2.0], "category": ["X", "X"]}
    pq.write_table(pa.table({**columns, "available": [True, False]}), tmp_path / "c.parquet")
    assert len(load_catalogue(tmp_path / "c.parquet")) == 1


def test_a_file_without_prices_is_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item_id": ["1"], "name": ["A"], "category": ["X"]}), tmp_path / "c.parquet")
    with pytest.raises(ValueError, match="absent: price"):
        load_catalogue(tmp_path / "c.parquet")
