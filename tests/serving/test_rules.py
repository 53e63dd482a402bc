"""What may be shown."""

from __future__ import annotations

from contracts.item import Item
from serving.index import Hit
from serving.rules import hidden_items, permit

CATALOGUE = {
    item.item_id: item
    for item in (
        Item("lamp", "Lamp", 9.0, "light"),
        Item("mug", "Mug", 3.0, "kitchen"),
        Item("plate", "Plate", 4.0, "kitchen"),
        Item("gone", "Gone", 1.0, "kitchen", available=False),
    )
}
HITS = [Hit("gone", 4.0), Hit("mug", 3.0), Hit("lamp", 2.0), Hit("plate", 1.0), Hit("unheard of", 0.5)]


def names(hits: list[Hit]) -> list[str]:
    return [hit.item_id for hit in hits]


def test_hides_what_was_bought_what_is_in_the_cart_and_what_the_caller_excludes() -> None:
    values = {"cart_items": ["mug"], "bought_items": ["plate"], "recent_items": ["lamp"]}

    assert hidden_items(values, ["vase"]) == {"mug", "plate", "vase"}


def test_hides_the_callers_exclusions_alone_where_nothing_is_known() -> None:
    assert hidden_items(None, ["vase"]) == {"vase"}


def test_leaves_out_the_unavailable_the_hidden_and_the_unknown() -> None:
    assert names(permit(HITS, hidden={"lamp"}, catalogue=CATALOGUE, category=None, k=10)) == ["mug", "plate"]


def test_keeps_to_the_category_asked_for() -> None:
    assert names(permit(HITS, hidden=set(), catalogue=CATALOGUE, category="light", k=10)) == ["lamp"]


def test_stops_at_k() -> None:
    assert names(permit(HITS, hidden=set(), catalogue=CATALOGUE, category=None, k=2)) == ["mug", "lamp"]
