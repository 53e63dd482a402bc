"""Descriptions on invoices become names a shop would print."""

from __future__ import annotations

import pytest

from shop.categories import OTHER, PHRASES, Categorizer
from shop.names import best_description, display_name, is_proper


@pytest.mark.parametrize(
    "note", ["?", "", "  ", "damaged", "check", "Thrown away", "lost in space", "ebay sales", "test"]
)
def test_a_note_of_the_staff_is_no_proper_description(note: str) -> None:
    assert not is_proper(note)


def test_a_pattern_called_check_is_a_proper_description() -> None:
    assert is_proper("BROWN CHECK CAT DOORSTOP")


def test_most_frequent_proper_description_wins_over_more_frequent_notes() -> None:
    assert best_description({"damaged": 9, "RED MUG": 2, "RED  MUG LARGE": 3}) == "RED  MUG LARGE"


def test_equally_frequent_descriptions_fall_by_alphabet() -> None:
    assert best_description({"RED MUG": 2, "MUG, RED": 2}) == "MUG, RED"


def test_article_with_notes_alone_has_no_description() -> None:
    assert best_description({"?": 4, "missing": 1}) is None


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"),
        ("SET/6  WOODLAND PAPER CUPS ", "Set of 6 Woodland Paper Cups"),
        ("CAROUSEL DES CHILD'S OVERALL", "Carousel des Child's Overall"),
        ("RED ROSE AND LACE C/COVER", "Red Rose and Lace Cushion Cover"),
        ('LETTER "A" BLING KEY RING', "Letter A Bling Key Ring"),
        ("POLYESTER FILLER PAD 45x45cm", "Polyester Filler Pad 45x45cm"),
        ("NUMBER TILE COTTAGE GARDEN , 5", "Number Tile Cottage Garden, 5"),
        ("ASSTD DESIGN MUG+SPOON", "Assorted Design Mug + Spoon"),
    ],
)
def test_display_name_reads_like_a_shop(description: str, name: str) -> None:
    assert display_name(description) == name


@pytest.mark.parametrize(
    ("description", "category"),
    [
        ("RED RETROSPOT MUGS", "Tea & Coffee"),
        ("BOXES OF WICKER", "Storage"),
        ("FAIRY CAKES PHOTO FRAME", "Frames & Pictures"),
        ("PINK BLUE FELT CRAFT TRINKET BOX", "Craft & Sewing"),
        ("XYZZY", OTHER),
    ],
)
def test_longest_phrase_tells_the_category(description: str, category: str) -> None:
    assert Categorizer().category(description) == category


def test_no_phrase_is_claimed_by_two_categories() -> None:
    phrases = [phrase.strip() for listed in PHRASES.values() for phrase in listed.split(",")]
    assert len(phrases) == len(set(phrases))
