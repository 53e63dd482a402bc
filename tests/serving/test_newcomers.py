"""A newcomer stands beside the known item that is most like it, and what has not changed is not built again."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from contracts import model as layout
from contracts.item import Item
from contracts.settings import Settings
from serving.artefact import Artefact, read_artefact
from serving.composer import Composer
from serving.newcomers import place
from serving.popularity import Popularity
from tests.serving.artefacts import write_artefact

KNOWN = {
    item.item_id: item
    for item in (
        Item("red-mug", "Red Mug", 4.0, "kitchen", brand="acme"),
        Item("blue-mug", "Blue Mug", 9.0, "kitchen"),
        Item("jug", "Glass Jug", 5.0, "kitchen"),
        Item("lamp", "Red Lamp", 30.0, "light"),
    )
}


@pytest.mark.parametrize(
    ("newcomer", "beside"),
    [
        # Two words of three against one of four.
        (Item("n", "Big Red Mug", 100.0, "kitchen"), "red-mug"),
        # One word of two with either mug: the brand decides, and without one the price.
        (Item("n", "Mug", 9.0, "kitchen", brand="acme"), "red-mug"),
        (Item("n", "Mug", 8.0, "kitchen"), "blue-mug"),
        # No word in common: the nearest price.
        (Item("n", "Bowl", 5.1, "kitchen"), "jug"),
        # The same words in another category are another thing.
        (Item("n", "Glass Jug", 5.0, "light"), "lamp"),
        (Item("n", "Kayak", 900.0, "boats"), None),
    ],
)
def test_words_come_first_then_the_brand_then_the_price(newcomer: Item, beside: str | None) -> None:
    assert place([newcomer], KNOWN).get("n") == beside


def test_newcomers_follow_their_neighbours_in_every_list_and_others_come_last() -> None:
    counted = Popularity(
        layout.Popularity(
            overall=[("lamp", 3.0), ("jug", 2.0)],
            by_category={"light": [("lamp", 3.0)], "kitchen": [("jug", 2.0)]},
            by_country={"France": [("jug", 1.0), ("lamp", 0.5)]},
        )
    )
    new, odd = Item("new", "Jug", 1.0, "kitchen"), Item("odd", "Kayak", 1.0, "boats")
    joined = counted.joined({**KNOWN, "new": new, "odd": odd}, {"new": "jug"})

    def ranked(**context: str | None) -> list[tuple[str, float]]:
        return [
            (hit.item_id, hit.score) for hit in joined.ranking(**{"country": None, "category": None, **context}).hits
        ]

    assert ranked()[:3] == [("lamp", 3.0), ("jug", 2.0), ("new", 2.0)]
    assert {name for name, score in ranked()[3:]} == {"red-mug", "blue-mug", "odd"}
    assert ranked(category="kitchen")[:2] == [("jug", 2.0), ("new", 2.0)]
    assert ranked(category="boats")[0] == ("odd", 0.0)
    assert ranked(country="France")[:3] == [("jug", 1.0), ("new", 1.0), ("lamp", 0.5)]


@pytest.fixture
def artefact(tmp_path: Path) -> Artefact:
    return read_artefact(write_artefact(Settings(home=tmp_path), "one", list(KNOWN.values())))


def test_only_what_changes_the_index_builds_another(artefact: Artefact) -> None:
    composer = Composer()
    first = composer.compose(artefact, None, None, live=KNOWN)
    assert first.model is not None
    dearer = {**KNOWN, "jug": replace(KNOWN["jug"], price=6.0, available=False)}
    second = composer.compose(artefact, None, None, live=dearer)
    assert second.model is not None
    assert second.model.index is first.model.index
    assert (first.unavailable, second.unavailable) == (0, 1)
    moved = composer.compose(artefact, None, None, live={**KNOWN, "jug": replace(KNOWN["jug"], category="light")})
    assert moved.model is not None
    assert moved.model.index is not first.model.index
    assert [hit.item_id for hit in moved.model.index.search(artefact.vectors[2], 9, category="light")] == [
        "jug",
        "lamp",
    ]


def test_once_the_topic_is_known_only_what_it_has_is_there(artefact: Artefact) -> None:
    live = MappingProxyType({"lamp": KNOWN["lamp"], "new": Item("new", "Lamp", 1.0, "light")})
    shelf = Composer().compose(artefact, KNOWN, None, live=live)
    assert shelf.catalogue.keys() == {"lamp", "new"}
    assert shelf.model is not None
    assert "new" in shelf.model.index
    # Three of the model's four are gone: a search has to find as many more.
    assert shelf.unavailable == 3
