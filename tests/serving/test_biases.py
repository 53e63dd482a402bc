"""Item biases between fits: the running service takes them up, says so, and answers as fitted without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import exp, log
from typing import Any

import numpy as np
import pytest

from contracts.biases import ItemBiases, biases_path, write_biases
from contracts.event import EventType
from contracts.item import Item
from contracts.settings import Settings
from serving.artefact import read_artefact
from serving.composer import Composer
from tests.serving.artefacts import promote, write_artefact, write_ranked
from tests.serving.conftest import ITEMS
from tests.serving.service_process import ServiceProcess
from tests.serving.visitors import Visitors

UNTIL = datetime(2026, 11, 20, 12, tzinfo=UTC)
SAID = UNTIL.isoformat().replace("+00:00", "Z")
REFUSALS = "clickloop_serving_biases_refusals_total"
AGE = "clickloop_serving_biases_age_seconds"


def learned(version: str, biases: dict[str, float], *, ranked: bool = False, until: datetime = UNTIL) -> ItemBiases:
    return ItemBiases(
        model_version=version, ranked=ranked, snapshot_id=1, learnt_until=until, moments=1, biases=biases
    )  # fmt: skip


def names(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


@pytest.fixture(scope="module")
def service(
    shop_settings: Settings, visitors: Visitors, start_service: Callable[..., ServiceProcess]
) -> ServiceProcess:
    write_artefact(shop_settings, "plain", ITEMS)
    write_ranked(shop_settings, "cheap", ITEMS)
    promote(shop_settings, "plain")
    visitors.act("known", EventType.CLICK, "item-030")
    return start_service(shop_settings)


@pytest.fixture
def fitted(service: ServiceProcess, shop_settings: Settings) -> Iterator[ServiceProcess]:
    """The service with the model `plain` as fitted; afterwards, too."""

    def back() -> None:
        promote(shop_settings, "plain")
        for version in ("plain", "cheap"):
            biases_path(shop_settings.model_dir, version).unlink(missing_ok=True)
        service.wait(lambda: service.get("/health").body["model_version"] == "plain")
        service.wait(lambda: service.get("/health").body["biases_until"] is None)

    back()
    yield service
    back()


def taken_up(service: ServiceProcess) -> None:
    service.wait(lambda: service.get("/health").body["biases_until"] is not None)


def test_biases_change_the_list_and_the_answer_says_until_when_they_learned(
    fitted: ServiceProcess, shop_settings: Settings
) -> None:
    before = fitted.recommend(anonymous_id="known", k=2)
    assert (before["biases_until"], names(before)[0]) == (None, "item-030")

    write_biases(shop_settings.model_dir, learned("plain", {"item-059": 3.0, "item-030": -2.0}))
    taken_up(fitted)
    after = fitted.recommend(anonymous_id="known", k=60)

    assert after["biases_until"] == SAID
    assert (names(after)[0], names(after)[-1]) == ("item-059", "item-030")
    # One click: the visitor is 1 / (1 + 1e-3) of item 30's direction, 29 steps of 59 from item 59's.
    score = np.cos(np.pi / 2 * 29 / 59) / (1 + 1e-3)
    assert after["items"][0]["score"] == pytest.approx(score + 3.0, abs=1e-4)
    assert fitted.get("/health").body["status"] == "ok"
    age_s = (datetime.now(UTC) - UNTIL).total_seconds()
    assert fitted.metric(AGE) == pytest.approx(age_s, abs=60)
    # Of one category, too; the similar ones are a matter of direction, not of demand.
    assert names(fitted.recommend(anonymous_id="known", k=1, category=ITEMS[59].category)) == ["item-059"]
    assert "item-059" not in names(fitted.post("/similar", {"item_id": "item-030", "k": 4}).body)
    # Whom the model does not know, it does not answer.
    assert fitted.recommend(anonymous_id="stranger")["biases_until"] is None


def test_newer_ones_take_their_place(fitted: ServiceProcess, shop_settings: Settings) -> None:
    write_biases(shop_settings.model_dir, learned("plain", {"item-059": 3.0}))
    taken_up(fitted)
    later = UNTIL + timedelta(minutes=5)
    write_biases(shop_settings.model_dir, learned("plain", {"item-000": 3.0}, until=later))
    fitted.wait(lambda: fitted.get("/health").body["biases_until"] == later.isoformat().replace("+00:00", "Z"))
    assert names(fitted.recommend(anonymous_id="known", k=1)) == ["item-000"]


def test_where_a_ranker_answers_its_logits_are_moved_and_its_candidates_stay(
    fitted: ServiceProcess, shop_settings: Settings
) -> None:
    promote(shop_settings, "cheap")
    fitted.wait(lambda: fitted.get("/health").body["model_version"] == "cheap")
    write_biases(shop_settings.model_dir, learned("cheap", {"item-034": 2.0, "item-059": 9.0}, ranked=True))
    taken_up(fitted)
    answer = fitted.recommend(anonymous_id="known", k=10)

    # As fitted, an item that costs c has the logit -log(c): the ten nearest by price. Item 34 costs 35.
    assert names(answer)[0] == "item-034"
    assert answer["items"][0]["score"] == pytest.approx(1 / (1 + exp(log(35) - 2.0)), rel=1e-4)
    assert names(answer)[1:] == sorted(names(answer)[1:])
    assert "item-059" not in names(answer)
    assert answer["biases_until"] == SAID


def test_those_of_a_version_that_does_not_answer_wait_for_it(fitted: ServiceProcess, shop_settings: Settings) -> None:
    refused = fitted.metric(REFUSALS, error="ValueError")
    write_biases(shop_settings.model_dir, learned("cheap", {"item-034": 2.0}, ranked=True))
    promote(shop_settings, "cheap")
    taken_up(fitted)
    assert fitted.get("/health").body["model_version"] == "cheap"
    promote(shop_settings, "plain")
    fitted.wait(lambda: fitted.get("/health").body["model_version"] == "plain")
    health = fitted.get("/health").body
    assert (health["biases_until"], health["status"]) == (None, "ok")
    assert fitted.metric(REFUSALS, error="ValueError") == refused


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (learned("plain", {"no-such-item": 1.0}), "expected items of model plain, came 'no-such-item'"),
        (learned("plain", {"item-059": 1.0}, ranked=True), "expected biases of retrieval's scores, came those of the"),
        (learned("other", {"item-059": 1.0}), "expected biases of model plain, came those of other"),
        (None, "expected item biases: "),
    ],
    ids=["unknown item", "of a ranker", "another version", "torn"],
)
def test_what_cannot_be_used_is_refused_named_and_counted_and_the_model_answers_as_fitted(
    fitted: ServiceProcess, shop_settings: Settings, spoiled: ItemBiases | None, reason: str
) -> None:
    directory = shop_settings.model_dir
    write_biases(directory, learned("plain", {"item-059": 3.0}))
    taken_up(fitted)
    refused = fitted.metric(REFUSALS, error="ValueError")

    path, draft = biases_path(directory, "plain"), directory / "draft"
    if spoiled is None:
        draft.write_bytes(path.read_bytes()[:-20])
    else:
        write_biases(directory, spoiled).rename(draft)
    draft.replace(path)
    fitted.wait(lambda: fitted.get("/health").body["biases_until"] is None)
    health, answer = fitted.get("/health").body, fitted.recommend(anonymous_id="known", k=1)

    assert (health["ready"], health["status"], health["model"]["state"]) == (True, "degraded", "up")
    assert health["model"]["error"].startswith("answers without item biases: ValueError: ")
    assert reason in health["model"]["error"]
    assert fitted.metric(REFUSALS, error="ValueError") == refused + 1
    assert (names(answer), answer["biases_until"], answer["degraded"]) == (["item-030"], None, [])
    assert np.isnan(fitted.metric(AGE))

    write_biases(directory, learned("plain", {"item-059": 3.0}))
    taken_up(fitted)
    assert fitted.get("/health").body["status"] == "ok"


def test_switched_off_the_model_answers_as_fitted(
    shop_settings: Settings, fitted: ServiceProcess, start_service: Callable[..., ServiceProcess]
) -> None:
    write_biases(shop_settings.model_dir, learned("plain", {"item-059": 3.0}))
    taken_up(fitted)
    off = start_service(shop_settings, CLICKLOOP_SERVING_ITEM_BIASES="false")
    answer = off.recommend(anonymous_id="known", k=1)
    assert (names(answer), answer["biases_until"]) == (["item-030"], None)
    assert off.get("/health").body["biases_until"] is None
    off.stop()


def test_a_newcomer_takes_the_bias_of_the_one_beside_which_it_stands(tmp_path: Any) -> None:
    settings = Settings(home=tmp_path)
    artefact = read_artefact(write_artefact(settings, "plain", ITEMS))
    composer = Composer()
    twin = ITEMS[7]
    newcomer = Item("new", twin.name, twin.price, twin.category)
    live = {item.item_id: item for item in (*ITEMS, newcomer)}
    vector = np.array([1.0, 0.0], np.float32)

    def scores(biases: ItemBiases | None) -> dict[str, float]:
        model = composer.compose(artefact, None, None, live=live, biases=biases).model
        assert model is not None
        return dict(model.index.search(vector, 61))

    before, after = scores(None), scores(learned("plain", {twin.item_id: 0.5}))
    moved = {item: after[item] - before[item] for item in before}
    assert {item for item, by in moved.items() if by} == {twin.item_id, "new"}
    assert moved["new"] == pytest.approx(0.5)
    # The index that others may be searching at the moment is another.
    assert scores(None) == before
