"""Popular overall, popular here."""

from __future__ import annotations

from contracts import model as layout
from contracts.item import Item
from serving.popularity import Popularity, Ranking, catalogue_order

POPULARITY = Popularity(
    layout.Popularity(
        overall=[("mug", 5.0), ("lamp", 9.0), ("plate", 1.0)],
        by_country={"France": [("plate", 2.0), ("mug", 4.0)]},
        by_category={"light": [("lamp", 9.0)]},
    )
)


def items(ranking: Ranking) -> list[str]:
    return [hit.item_id for hit in ranking.hits]


def test_orders_by_score_overall_where_no_context_is_known() -> None:
    ranking = POPULARITY.ranking(country=None, category=None)

    assert not ranking.in_context
    assert items(ranking) == ["lamp", "mug", "plate"]


def test_a_countrys_own_order_comes_first_and_the_rest_follows_once() -> None:
    ranking = POPULARITY.ranking(country="France", category=None)

    assert ranking.in_context
    assert items(ranking) == ["mug", "plate", "lamp"]


def test_a_country_without_a_list_gets_the_overall_order_and_says_so() -> None:
    ranking = POPULARITY.ranking(country="Iceland", category=None)

    assert not ranking.in_context
    assert items(ranking) == ["lamp", "mug", "plate"]


def test_a_categorys_list_serves_where_the_country_has_none() -> None:
    ranking = POPULARITY.ranking(country="Iceland", category="light")

    assert ranking.in_context
    assert items(ranking)[0] == "lamp"


def test_the_catalogues_order_stands_in_for_unknown_popularity() -> None:
    made = catalogue_order([Item("b", "B", 1.0, "x"), Item("a", "A", 2.0, "x")])

    assert items(made.ranking(country="France", category=None)) == ["b", "a"]
