"""The running service with a ranker beside the towers: one that likes what is cheap, so that answers can be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.event import EventType
from contracts.item import Item
from contracts.settings import Settings
from features.evaluate import evaluate
from features.ranking_input import RANKING_VALUES
from features.state import new_state
from serving.index import Hit
from serving.ranker import Ranker
from tests.serving.artefacts import RANKER_DEPTH as DEPTH
from tests.serving.artefacts import promote, put_ranker, ranker_file, write_ranked
from tests.serving.conftest import ITEMS
from tests.serving.service_process import ServiceProcess
from tests.serving.visitors import Visitors


@pytest.fixture(scope="module")
def service(shop_settings: Settings, store: Any, start_service: Callable[..., ServiceProcess]) -> ServiceProcess:
    write_ranked(shop_settings, "cheap", ITEMS)
    promote(shop_settings, "cheap")
    return start_service(shop_settings)


def names(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_reorders_what_retrieval_found(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("ranked", EventType.CLICK, "item-030")
    answer = service.recommend(anonymous_id="ranked", k=3)

    # The ten nearest to item 30 are 25 or 26 to 34 or 35, and an item's price grows with its number.
    assert names(answer)[0] in ("item-025", "item-026")
    numbers = [int(name.removeprefix("item-")) for name in names(answer)]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert answer["degraded"] == []
    # Item n costs 1 + n: its chance is 1 / (1 + (1 + n)).
    assert answer["items"][0]["score"] == pytest.approx(1 / (2 + numbers[0]), rel=1e-4)


def test_the_values_that_the_ranker_read_and_its_time_are_told(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("told", EventType.CLICK, "item-030")
    answer = service.recommend(anonymous_id="told")

    assert set(RANKING_VALUES) <= set(answer["features"])
    assert answer["timings_ms"]["rank"] > 0


def test_ranks_only_what_may_be_shown(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("full cart", EventType.CLICK, "item-030")
    near = names(service.recommend(anonymous_id="full cart", k=DEPTH))
    for item in near[:4]:
        visitors.act("full cart", EventType.ADD_TO_CART, item)
    answer = service.recommend(anonymous_id="full cart", k=DEPTH, exclude=[near[4]])

    assert len(names(answer)) == DEPTH
    assert not set(names(answer)) & set(near[:5])
    assert names(answer) == sorted(names(answer))


def test_more_than_the_rankers_depth_are_still_answered(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("many", EventType.CLICK, "item-030")
    answer = service.recommend(anonymous_id="many", k=2 * DEPTH)
    assert len(set(names(answer))) == 2 * DEPTH
    assert answer["source"] == "model"


@pytest.mark.parametrize(
    ("version", "content", "reason"),
    [
        ("torn", ranker_file(len(ITEMS)).encode()[:-200], "ValueError: "),
        ("infinite", ranker_file(len(ITEMS), price=3e38).encode(), "ValueError: ranker: expected finite logits"),
        ("another-models", ranker_file(len(ITEMS) + 1).encode(), "expected statistics of 60 items, came 61"),
        ("otherwise", ranker_file(len(ITEMS), price=-1.1).encode(), "GoldenMismatch: golden request 1 of 3, ranked: "),
    ],
)
def test_a_ranker_that_fails_leaves_retrievals_order_and_is_named(
    service: ServiceProcess, shop_settings: Settings, visitors: Visitors, version: str, content: bytes, reason: str
) -> None:
    visitors.act("unranked", EventType.CLICK, "item-030")
    put_ranker(write_ranked(shop_settings, version, ITEMS), content)
    promote(shop_settings, version)
    try:
        service.wait(lambda: service.get("/health").body["model_version"] == version)
        health = service.get("/health").body
        answer = service.recommend(anonymous_id="unranked", k=3)
    finally:
        promote(shop_settings, "cheap")
        service.wait(lambda: service.get("/health").body["model_version"] == "cheap")

    assert (health["ready"], health["status"], health["model"]["state"]) == (True, "degraded", "up")
    assert health["model"]["error"].startswith("answers without its ranker: ")
    assert reason in health["model"]["error"]
    assert answer["degraded"] == ["ranker"]
    assert "price_bands" not in answer["features"]
    assert answer["source"] == "model"
    assert names(answer)[0] == "item-030"
    assert set(names(answer)[1:]) == {"item-029", "item-031"}
    assert service.metric("clickloop_serving_degraded_total", cause="ranker") > 0


def test_a_newcomer_is_ranked_as_the_one_beside_which_it_stands() -> None:
    items = [Item("a", "Red cup", 9.0, "kitchen"), Item("b", "Red jug", 1.0, "kitchen")]
    ranker = Ranker(ranker_file(2), items, {"new": "b"})
    ranked = ranker.rank(evaluate(new_state(), 0), [Hit("a", 3.0), Hit("new", 2.0), Hit("b", 1.0)])
    assert [hit.item_id for hit in ranked] == ["new", "b", "a"]
    assert ranked[0].score == ranked[1].score


def test_a_ranker_of_another_models_items_is_refused() -> None:
    with pytest.raises(ValueError, match="expected statistics of 2 items, came 3"):
        Ranker(ranker_file(3), [Item("a", "Cup", 1.0, "c"), Item("b", "Jug", 1.0, "c")], {})
