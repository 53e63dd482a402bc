"""The running service, all of its parts up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer

from contracts.event import EventType
from contracts.settings import Settings
from contracts.topics import Topics
from features.evaluate import evaluate
from features.fingerprint import fingerprint
from features.instant import to_us
from features.state import encode_state, new_state
from tests.serving.artefacts import promote, write_artefact
from tests.serving.conftest import ITEMS, write_catalogue
from tests.serving.service_process import ServiceProcess
from tests.serving.visitors import Visitors, now_us

ORIGIN = "http://127.0.0.1:18000"


@pytest.fixture(scope="module")
def service(shop_settings: Settings, store: Any, start_service: Callable[..., ServiceProcess]) -> ServiceProcess:
    write_artefact(shop_settings, "first", ITEMS)
    promote(shop_settings, "first")
    return start_service(shop_settings)


def names(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_recommends_what_lies_nearest_to_what_was_just_clicked(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("near", EventType.CLICK, "item-030")

    answer = service.recommend(anonymous_id="near", k=3)

    assert answer["source"] == "model"
    assert answer["model_version"] == "first"
    assert answer["degraded"] == []
    # Item vectors turn by equal angles: the item itself is at cosine 1, its neighbours next.
    assert names(answer)[0] == "item-030"
    assert set(names(answer)[1:]) == {"item-029", "item-031"}


def test_the_newest_click_changes_the_very_next_answer(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("moving", EventType.CLICK, "item-005")
    before = service.recommend(anonymous_id="moving", k=3)
    visitors.act("moving", EventType.CLICK, "item-055")
    after = service.recommend(anonymous_id="moving", k=3)

    assert (before["state_version"], after["state_version"]) == (1, 2)
    assert names(before) != names(after)


def test_tells_the_values_it_used_and_their_age(service: ServiceProcess, visitors: Visitors) -> None:
    state = visitors.act("aged", EventType.CLICK, "item-010", age_s=3600.0)

    asked_us = now_us()
    features = service.recommend(anonymous_id="aged")["features"]
    answered_us = now_us()

    assert features["recent_items"]["value"] == ["item-010"]
    for told in features.values():
        assert (asked_us - state.event_us) / 1e6 - 0.001 <= told["age_s"] <= (answered_us - state.event_us) / 1e6
    # The age is the request's, not the row's: the value of the age's own feature is the same instant.
    assert features["recent_ages_s"]["value"] == [pytest.approx(features["recent_items"]["age_s"])]


def test_values_equal_those_of_feasts_own_online_read(service: ServiceProcess, visitors: Visitors, store: Any) -> None:
    for place, kind in enumerate((EventType.CLICK, EventType.ADD_TO_CART, EventType.PURCHASE, EventType.ITEM_VIEW)):
        visitors.act("parity", kind, f"item-{place:03}", age_s=50_000.0 - 10_000.0 * place, country="France")
    state = visitors.state("parity")

    features = service.recommend(anonymous_id="parity")["features"]
    at_us = state.event_us + round(features["recent_items"]["age_s"] * 1e6)
    online = store.get_online_features(
        features=store.get_feature_service("two_tower_v1"),
        entity_rows=[{"user_id": visitors.profile("parity"), "at_us": at_us, **_context(store)}],
    ).to_dict()

    expected = evaluate(state, at_us)
    assert len(features) > 10
    for name, told in features.items():
        assert told["value"] == expected[name]
        assert online[name][0] == expected[name]


def _context(store: Any) -> dict[str, Any]:
    """The request's other fields, which the view does not read."""
    view = store.get_on_demand_feature_view("user_behavior_now")
    (request,) = view.source_request_sources.values()
    return {field.name: "" for field in request.schema if field.name != "at_us"}


def test_the_requests_own_context_stands_in_for_the_visitors_last(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("traveller", EventType.CLICK, "item-001", country="Norway")

    told = service.recommend(anonymous_id="traveller", context={"country": "France"})["features"]

    assert told["country"]["value"] == "France"


def test_shows_nothing_bought_in_the_cart_or_excluded(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("owner", EventType.PURCHASE, "item-020")
    visitors.act("owner", EventType.ADD_TO_CART, "item-021")
    visitors.act("owner", EventType.CLICK, "item-022")

    answer = service.recommend(anonymous_id="owner", k=5, exclude=["item-022", "item-019"])

    assert answer["source"] == "model"
    assert len(names(answer)) == 5
    assert not set(names(answer)) & {"item-019", "item-020", "item-021", "item-022"}


def test_keeps_to_the_category_asked_for(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("gardener", EventType.CLICK, "item-030")

    answer = service.recommend(anonymous_id="gardener", k=5, category="garden")

    assert answer["source"] == "model"
    assert {item["category"] for item in answer["items"]} == {"garden"}
    assert len(answer["items"]) == 5


def test_an_item_taken_off_the_shelf_vanishes_without_a_new_model(
    service: ServiceProcess, shop_settings: Settings, visitors: Visitors
) -> None:
    visitors.act("late", EventType.CLICK, "item-040")
    assert "item-040" in names(service.recommend(anonymous_id="late", k=3))
    gone = [
        type(item)(item.item_id, item.name, item.price, item.category, available=item.item_id != "item-040")
        for item in ITEMS
    ]
    try:
        write_catalogue(shop_settings, tuple(gone))
        service.wait(lambda: "item-040" not in names(service.recommend(anonymous_id="late", k=3)))
        answer = service.recommend(anonymous_id="late", k=3)
        assert answer["source"] == "model"
        assert len(answer["items"]) == 3
    finally:
        write_catalogue(shop_settings)


def test_an_unknown_visitor_gets_what_is_popular_and_is_told_so(service: ServiceProcess) -> None:
    answer = service.recommend(anonymous_id="never seen", k=2)

    assert answer["source"] == "popular"
    assert answer["state_version"] == 0
    assert answer["features"] == {}
    assert answer["degraded"] == []
    assert names(answer) == ["item-000", "item-001"]


def test_an_unknown_visitor_gets_what_is_popular_in_their_country(service: ServiceProcess) -> None:
    answer = service.recommend(k=2, context={"country": "France"})

    assert answer["source"] == "popular_in_context"
    assert names(answer) == ["item-059", "item-058"]


def test_a_users_id_and_an_anonymous_id_are_different_people(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("same text", EventType.CLICK, "item-030")

    assert service.recommend(anonymous_id="same text")["state_version"] == 1
    assert service.recommend(user_id="same text")["state_version"] == 0


def test_a_visitor_who_has_become_another_gets_that_ones_answer(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("at-last", EventType.CLICK, "item-040")
    for earlier, later in (("at-first", "in-between"), ("in-between", "at-last")):
        moved = new_state()
        moved.moved_to = visitors.profile(later)
        visitors.write(earlier, encode_state(moved))
    answers = [service.recommend(anonymous_id=name, k=3) for name in ("at-first", "in-between", "at-last")]
    assert [(answer["source"], answer["state_version"], names(answer)) for answer in answers] == [
        ("model", 1, names(answers[2]))
    ] * 3


def test_visitors_who_have_become_each_other_get_what_is_popular(service: ServiceProcess, visitors: Visitors) -> None:
    for one, other in (("this", "that"), ("that", "this")):
        moved = new_state()
        moved.moved_to = visitors.profile(other)
        visitors.write(one, encode_state(moved))
    answer = service.recommend(anonymous_id="this", k=3)
    assert (answer["source"], answer["degraded"]) == ("popular", [])


def test_a_state_in_which_nothing_may_be_kept_counts_as_nothing_known(
    service: ServiceProcess, visitors: Visitors
) -> None:
    visitors.write("withheld", encode_state(new_state()))

    answer = service.recommend(anonymous_id="withheld")

    assert answer["source"] == "popular"
    assert answer["degraded"] == []


def test_a_row_that_cannot_be_read_degrades_its_visitor_alone(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.write("torn", b"\x00 not a state")

    answer = service.recommend(anonymous_id="torn")

    assert answer["source"] == "popular"
    assert answer["degraded"] == ["state"]
    assert len(answer["items"]) == 10


def test_ids_of_answers_sort_by_time_and_stages_are_timed(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("timed", EventType.CLICK, "item-030")
    answers = [service.recommend(anonymous_id="timed") for _ in range(5)]
    ids = [answer["recommendation_id"] for answer in answers]

    assert ids == sorted(set(ids))
    timings = answers[0]["timings_ms"]
    assert set(timings) == {"features", "evaluate", "vector", "search", "rules", "total"}
    assert timings["total"] >= sum(timings.values()) - timings["total"]


def test_every_answer_reaches_the_topic_served(
    service: ServiceProcess, visitors: Visitors, shop_settings: Settings
) -> None:
    visitors.act("logged", EventType.CLICK, "item-030")
    answer = service.recommend(anonymous_id="logged", k=3, context={"country": "DE"})
    consumer = KafkaConsumer(
        Topics(shop_settings.kafka.topic_prefix).served,
        bootstrap_servers=shop_settings.kafka.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
        group_id=None,
    )
    try:
        record = next(
            one for one in consumer if json.loads(one.value)["recommendation_id"] == answer["recommendation_id"]
        )
    finally:
        consumer.close()
    served = json.loads(record.value)

    assert record.key.decode() == visitors.profile("logged") == served["profile_id"]
    assert served["items"] == names(answer)
    assert served["features"] == answer["features"]
    assert served["state_version"] == 1
    state, at = visitors.state("logged"), datetime.fromisoformat(served["served_at"])
    assert served["row_us"] == state.row_us
    assert served["context"] == {"country": "DE"}
    # History can tell exactly what was served: the state, evaluated at the instant that was logged.
    assert served["digest"] == fingerprint(evaluate(state, to_us(at)) | served["context"])
    assert abs(datetime.fromisoformat(served["served_at"]).timestamp() - datetime.now(UTC).timestamp()) < 60


def test_similar_gives_the_neighbours_of_an_item(service: ServiceProcess) -> None:
    answer = service.post("/similar", {"item_id": "item-030", "k": 2})

    assert answer.status == 200
    assert answer.body["source"] == "model"
    assert set(names(answer.body)) == {"item-029", "item-031"}


def test_similar_to_an_item_that_nobody_knows_gives_what_is_popular(service: ServiceProcess) -> None:
    answer = service.post("/similar", {"item_id": "ghost", "k": 2, "exclude": ["item-000"]})

    assert answer.body["source"] == "popular"
    assert names(answer.body) == ["item-001", "item-002"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/recommend", b'{"k":0}', "k"),
        ("/recommend", b'{"usr_id":"a"}', "usr_id"),
        ("/recommend", b"not json", "body"),
        ("/similar", b'{"item_id":7}', "item_id"),
    ],
)
def test_a_bad_request_is_told_field_expectation_and_what_came(
    service: ServiceProcess, path: str, body: bytes, field: str
) -> None:
    answer = service.request("POST", path, body, {"content-type": "application/json"})

    assert answer.status == 400
    assert answer.body["field"] == field
    assert set(answer.body) == {"error", "field", "expected", "came"}


def test_a_body_beyond_the_bound_is_refused(service: ServiceProcess, shop_settings: Settings) -> None:
    body = b'{"anonymous_id":"' + b"x" * shop_settings.serving.max_body_bytes + b'"}'

    answer = service.request("POST", "/recommend", body, {"content-type": "application/json"})

    assert answer.status == 413
    assert str(shop_settings.serving.max_body_bytes) in answer.body["expected"]


def test_lets_the_shops_pages_ask_and_no_others(service: ServiceProcess) -> None:
    def allowed(origin: str) -> str | None:
        headers = {"origin": origin, "access-control-request-method": "POST"}
        return service.request("OPTIONS", "/recommend", None, headers).headers.get("access-control-allow-origin")

    assert allowed(ORIGIN) == ORIGIN
    assert allowed("http://elsewhere.example") is None


def test_documents_its_routes_in_openapi(service: ServiceProcess) -> None:
    document = service.get("/docs.json").body

    assert {"/recommend", "/similar", "/health", "/metrics"} <= set(document["paths"])
    request = document["paths"]["/recommend"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert request["properties"]["k"]["maximum"] == 100
    assert "RecommendedItem" in document["components"]["schemas"]
    assert service.get("/").status == 200


def test_health_tells_of_every_part(service: ServiceProcess) -> None:
    answer = service.get("/health")

    assert answer.status == 200
    assert (answer.body["ready"], answer.body["status"], answer.body["model_version"]) == (True, "ok", "first")
    assert {answer.body[part]["state"] for part in ("model", "catalogue", "feast", "redis", "kafka")} == {"up"}


def test_metrics_count_sources_causes_stages_and_ages(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("counted", EventType.CLICK, "item-030")
    visitors.write("torn again", b"\x00")

    def counts() -> tuple[float, ...]:
        return (
            service.metric("clickloop_serving_requests_total", route="recommend", source="model"),
            service.metric("clickloop_serving_degraded_total", cause="state"),
            service.metric("clickloop_serving_stage_seconds_count", stage="vector"),
            service.metric("clickloop_serving_feature_age_seconds_count"),
        )

    before = counts()
    service.recommend(anonymous_id="counted")
    service.recommend(anonymous_id="torn again")

    assert [after - was for after, was in zip(counts(), before, strict=True)] == [1, 1, 1, 1]


def test_never_loads_tensorflow(service: ServiceProcess, visitors: Visitors) -> None:
    visitors.act("light", EventType.CLICK, "item-030")
    assert service.recommend(anonymous_id="light")["source"] == "model"

    mapped = Path(f"/proc/{service.pid}/maps").read_text()

    assert "numpy" in mapped
    assert "tensorflow" not in mapped


def test_listens_on_loopback_alone_and_is_one_process(service: ServiceProcess) -> None:
    port = f"{service.port:04X}"
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port}") and line.split()[3] == "0A"
    ]
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()

    assert listening == [f"0100007F:{port}"]
    assert children == []


def test_ends_cleanly_when_asked_and_leaves_nothing_in_the_owners_home(
    shop_settings: Settings, start_service: Callable[..., ServiceProcess], tmp_path: Path
) -> None:
    service = start_service(shop_settings, ready=False, HOME=str(tmp_path))

    # Answers at once, before Feast has been imported.
    assert len(service.recommend(anonymous_id="early")["items"]) == 10
    assert service.stop() == 0
    assert "Traceback" not in service.log()
    assert list(tmp_path.iterdir()) == []
