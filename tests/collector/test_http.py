"""The collector over HTTP, in its own process, against a real Kafka."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from typing import Any

import httpx
import pytest

from collector.sealed import Sealer
from contracts.event import parse_event
from privacy.pseudonym import Pseudonymizer
from tests.collector.running import RunningCollector, click

MIB = 1024 * 1024


def pseudonyms(collector: RunningCollector) -> Pseudonymizer:
    return Pseudonymizer(collector.settings.secrets.pseudonym_key.get_secret_value())


def test_each_call_is_answered_after_kafka_has_the_event(collector: RunningCollector) -> None:
    calls: dict[str, dict[str, Any]] = {
        "track": click("m-track"),
        "page": {"messageId": "m-page", "anonymousId": "visitor-0001", "name": "Home"},
        "screen": {"messageId": "m-screen", "anonymousId": "visitor-0001", "name": "Home"},
        "identify": {"messageId": "m-identify", "anonymousId": "visitor-0001", "userId": "customer-1"},
        "alias": {"messageId": "m-alias", "anonymousId": "visitor-0001", "userId": "c2", "previousId": "customer-1"},
        "batch": {"batch": [click("m-batch")]},
    }
    for call, content in calls.items():
        answer = collector.post(call, content)
        assert (answer.status_code, answer.json()) == (200, {"success": True, "accepted": 1, "rejected": []})
        # Nothing is waited for: what was answered is there.
        assert f"m-{call}" in {event["message_id"] for event in collector.events()}
    assert {event["message_id"]: event["type"] for event in collector.events()} == {
        "m-track": "click", "m-page": "page_view", "m-screen": "page_view", "m-identify": "identify",
        "m-alias": "alias", "m-batch": "click",
    }  # fmt: skip


def test_alias_carries_pseudonyms_alone_taken_or_refused(collector: RunningCollector) -> None:
    names = {"userId": "customer-new", "previousId": "customer-old"}
    assert collector.post("alias", {"messageId": "m1", "page_url": "/?was=customer-old", **names}).status_code == 200
    refused = {"messageId": "m2", "type": "alias", "quantity": "x", "anonymousId": "visitor-0001", **names}
    assert collector.post("batch", {"batch": [refused]}).json()["accepted"] == 0
    known = pseudonyms(collector)
    user, anonymous = collector.events()
    assert (user["user_id"], user["previous_id"]) == (known.user("customer-new"), known.user("customer-old"))
    assert (anonymous["message_id"], anonymous["anonymous_id"]) == ("m1-anonymous", known.anonymous("customer-old"))
    (rejection,) = collector.rejections()
    assert rejection["raw"]["previous_id"] == known.user("customer-old")
    everything = b"".join(value for topic in (collector.topics.events, collector.topics.rejected)
                          for _, _, value in collector.written(topic))  # fmt: skip
    assert b"customer-old" not in everything
    assert b"customer-new" not in everything


def test_records_are_keyed_by_profile_and_lie_in_the_partition_of_their_lane(collector: RunningCollector) -> None:
    from kafka.partitioner.default import murmur2

    people = [f"visitor-{number:04d}" for number in range(40)]
    batch = [click(f"m-{person}", anonymousId=person) for person in people]
    batch += [click(f"s-{person}", anonymousId=person) | {"event": "scroll"} for person in people]
    assert collector.post("batch", {"batch": batch}).json()["accepted"] == 80
    records = collector.written(collector.topics.events)
    assert {key for _, key, _ in records} == {pseudonyms(collector).anonymous(person).encode() for person in people}
    for partition, key, value in records:
        assert key is not None
        home = (murmur2(key) & 0x7FFFFFFF) % 8
        assert partition == (home if json.loads(value)["type"] == "click" else home + 8)


def test_login_keys_the_event_by_the_user(collector: RunningCollector) -> None:
    collector.post("track", click("m1", userId="customer-1"))
    ((_, key, _),) = collector.written(collector.topics.events)
    assert key == pseudonyms(collector).user("customer-1").encode()


def test_mixed_batch_passes_what_is_good_and_says_what_is_not(collector: RunningCollector) -> None:
    batch = [
        click("good-1"),
        click("bad-price", properties={"product_id": "A", "price": "dear"}),
        7,
        {"type": "track", "event": "Order Updated", "messageId": "bad-type", "userId": "customer-1"},
        click("good-2"),
        click("bad-time", timestamp="soon"),
    ]
    answer = collector.post("batch", {"batch": batch})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["success"], said["accepted"]) == (True, 2)
    assert [(entry["index"], entry["message_id"]) for entry in said["rejected"]] == [
        (1, "bad-price"),
        (2, None),
        (3, "bad-type"),
        (5, "bad-time"),
    ]
    assert "$.price" in said["rejected"][0]["reason"]
    assert sorted(event["message_id"] for event in collector.events()) == ["good-1", "good-2"]
    kept = {entry["reason"]: entry for entry in collector.rejections()}
    assert set(kept) == {entry["reason"] for entry in said["rejected"]}
    assert all(entry["source"] == "collector" for entry in kept.values())


def test_rejected_event_can_be_read_by_the_contract_once_it_is_mended(collector: RunningCollector) -> None:
    bad = click("bad", userId="customer-1", timestamp="2026-11-20T10:00:00Z", colour="red")
    bad["properties"] = {"product_id": "85123A", "price": "2.55", "category": "hearts"}
    assert collector.post("track", bad).status_code == 400
    (entry,) = collector.rejections()
    event = parse_event({**entry["raw"], "price": 2.55})
    assert event.user_id == pseudonyms(collector).user("customer-1")
    assert (event.type, event.item_id, event.message_id) == ("click", "85123A", "bad")
    assert event.timestamp.isoformat() == "2026-11-20T10:00:00+00:00"
    assert event.properties == {"category": "hearts", "colour": "red"}


def test_refused_order_is_kept_as_one_rejection_for_each_product(collector: RunningCollector) -> None:
    order = {"order_id": "o1", "products": [{"product_id": "A", "price": 1}, {"product_id": "B", "price": -1}]}
    message = {"type": "track", "event": "Order Completed", "messageId": "o", "userId": "c1", "properties": order}
    answer = collector.post("batch", {"batch": [message]}).json()
    assert answer["rejected"][0]["reason"].startswith("properties.products[1]: ")
    assert collector.events() == []
    raws = sorted((entry["raw"] for entry in collector.rejections()), key=lambda raw: raw["message_id"])
    assert [(raw["message_id"], raw["item_id"]) for raw in raws] == [("o-0", "A"), ("o-1", "B")]
    assert parse_event(raws[0]).price == 1.0


def test_single_bad_event_is_a_400_and_is_kept(collector: RunningCollector) -> None:
    answer = collector.post("track", {"event": "Nonsense", "userId": "customer-1"})
    assert answer.status_code == 400
    assert (answer.json()["success"], answer.json()["accepted"]) == (False, 0)
    assert "came 'Nonsense'" in answer.json()["rejected"][0]["reason"]
    assert len(collector.rejections()) == 1


def test_order_of_three_is_three_purchases_in_kafka(collector: RunningCollector) -> None:
    order = {"products": [{"product_id": name, "price": 2, "quantity": 1} for name in "ABC"]}
    message = {"type": "track", "event": "Order Completed", "messageId": "o", "userId": "c1", "properties": order}
    assert collector.post("track", message).json() == {"success": True, "accepted": 1, "rejected": []}
    found = [(event["message_id"], event["type"], event["item_id"]) for event in collector.events()]
    assert sorted(found) == [("o-0", "purchase", "A"), ("o-1", "purchase", "B"), ("o-2", "purchase", "C")]


def test_made_message_id_is_told(collector: RunningCollector) -> None:
    message = {"event": "Product Clicked", "anonymousId": "visitor-0001"}
    (made,) = collector.post("track", message).json()["generated"]
    assert made["index"] == 0
    assert [event["message_id"] for event in collector.events()] == [made["message_id"]]


def test_gzip_body_is_read(collector: RunningCollector) -> None:
    body = json.dumps({"batch": [click("m1"), click("m2")]}).encode()
    half = len(body) // 2
    members = gzip.compress(body[:half]) + gzip.compress(body[half:])
    for number, packed in enumerate((gzip.compress(body), members)):
        answer = collector.post("batch", packed, **{"Content-Encoding": "gzip"})
        assert answer.json()["accepted"] == 2, number
    assert len(collector.events()) == 4


def test_gzip_bomb_is_a_413_and_the_collector_goes_on(collector: RunningCollector) -> None:
    bomb = gzip.compress(b"[" + b" " * (200 * MIB) + b"]")
    assert len(bomb) < MIB
    answer = collector.post("batch", bomb, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert "expected a body of at most 4194304 bytes, came more once inflated" in answer.json()["error"]
    assert collector.post("track", click("after")).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"no gzip", {"Content-Encoding": "gzip"}, 400, "expected a gzip body"),
        (
            gzip.compress(b'{"batch":[]}', mtime=0)[:-9],
            {"Content-Encoding": "gzip"},
            400,
            "expected a complete gzip body",
        ),
        (b"{}", {"Content-Encoding": "br"}, 415, "expected Content-Encoding gzip or none, came 'br'"),
        (b'{"batch":[}', {}, 400, "at byte 10"),
        ('{"é":}'.encode(), {}, 400, "at byte 6"),
        (b'{"batch":["\xff"]}', {}, 400, "expected UTF-8, came byte 0xff at byte 11"),
        (b"", {}, 400, "expected JSON"),
        (b"[" * 100_000, {}, 400, "nesting too deep"),
        (b"[]", {}, 400, "expected an object with a batch, came a list"),
        (b'{"batch":{}}', {}, 400, "expected $.batch to be a list of events, came an object"),
        (b"{}", {}, 400, "expected $.batch to be a list of events, came null"),
        (b'{"batch":[' + b"1," * 5000 + b"1]}", {}, 413, "expected at most 5000 events in $.batch, came 5001"),
        (b" " * (4 * MIB + 1), {}, 413, "expected a body of at most 4194304 bytes"),
    ],
)
def test_bad_request_is_answered_with_reason_and_place(
    collector: RunningCollector, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = collector.post("batch", body, **headers)
    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert reason in answer.json()["error"]


def test_oversized_body_of_undeclared_length_is_a_413(collector: RunningCollector) -> None:
    def endless() -> Any:
        for _ in range(80):
            yield b" " * (64 * 1024)

    headers = {"Authorization": collector.authorization}
    answer = httpx.post(f"{collector.url}/v1/batch", content=endless(), headers=headers, timeout=30)
    assert answer.status_code == 413


def test_oversized_event_is_refused_and_its_neighbours_pass(collector: RunningCollector) -> None:
    batch = [click("m1"), click("big", properties={"text": "x" * 40_000}), click("m2")]
    answer = collector.post("batch", {"batch": batch}).json()
    assert (answer["accepted"], answer["rejected"][0]["index"]) == (2, 1)
    assert "expected an event of at most 32768 bytes" in answer["rejected"][0]["reason"]
    assert sorted(event["message_id"] for event in collector.events()) == ["m1", "m2"]


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "expected the write key, as Basic's user name or as writeKey in the body; came neither"),
        ("Basic d3Jvbmc6", "expected the write key as Basic's user name, came another"),
        ("Basic !!!", "expected base64"),
        ("Bearer abc", "came another scheme"),
        ("Basic Og==", "came another"),
    ],
)
def test_request_without_the_write_key_is_a_401(
    collector: RunningCollector, authorization: str | None, reason: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.post(f"{collector.url}/v1/track", json=click("m1"), headers=headers)
    assert answer.status_code == 401
    assert reason in answer.json()["error"]
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert collector.events() == []


def test_beacon_carries_the_key_in_its_body(collector: RunningCollector) -> None:
    key = collector.settings.secrets.write_key.get_secret_value()
    body = json.dumps({"batch": [click("m1")], "writeKey": key})
    answer = httpx.post(f"{collector.url}/v1/batch", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200
    wrong = httpx.post(f"{collector.url}/v1/batch", json={"batch": [click("m2")], "writeKey": "x\ud800"[:1]})
    assert wrong.status_code == 401
    assert len(collector.events()) == 1
    assert key.encode() not in b"".join(value for _, _, value in collector.written(collector.topics.events))


def test_cors_answers_allowed_origins_only(collector: RunningCollector) -> None:
    def preflight(origin: str) -> httpx.Response:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        return httpx.options(f"{collector.url}/v1/batch", headers=asked)

    allowed = preflight("http://127.0.0.1:18000")
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "http://127.0.0.1:18000"
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    refused = preflight("https://elsewhere.example")
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    # Errors too can be read by the page that caused them.
    error = collector.post("batch", b"{", Origin="http://127.0.0.1:18000")
    assert error.headers["access-control-allow-origin"] == "http://127.0.0.1:18000"
    assert "access-control-allow-origin" not in collector.post("batch", b"{", Origin="https://x.example").headers


def test_unknown_path_names_the_known_ones(collector: RunningCollector) -> None:
    for call in ("group", "nonsense"):
        answer = collector.post(call, {})
        assert answer.status_code == 404
        assert "POST /v1/batch, POST /v1/track, POST /v1/page" in answer.json()["error"]
    wrong_method = httpx.get(f"{collector.url}/v1/track")
    assert wrong_method.status_code == 405


def test_withheld_measurement_is_accepted_and_not_kept(own_collector: RunningCollector) -> None:
    no = {"measurement": False, "personalization": False, "training": False}
    batch = [
        click("kept"),
        click("withheld", consent=no),
        click("withheld-too", context={"consent": {"categoryPreferences": {"Analytics": False}}}),
        click("withheld-and-bad", consent=no, timestamp="soon"),
        {"type": "track", "event": "consent", "messageId": "said-no", "anonymousId": "visitor-0001", "consent": no},
    ]
    answer = own_collector.post("batch", {"batch": batch}).json()
    assert (answer["accepted"], answer["withheld"]) == (4, 2)
    assert [entry["index"] for entry in answer["rejected"]] == [3]
    found = {event["message_id"]: event["consent"] for event in own_collector.events()}
    assert found == {"kept": {}, "said-no": no}
    assert own_collector.rejections() == []
    page = httpx.get(f"{own_collector.url}/metrics").text
    assert "clickloop_collector_events_withheld_total 2.0" in page


def test_raw_identifiers_and_addresses_reach_neither_topic_nor_log(own_collector: RunningCollector) -> None:
    user, anonymous, secret = "customer-4711@example.com", 'anon/é"quoted"-0815', "private-address@example.org"
    places = {
        "userId": user,
        "anonymousId": anonymous,
        "timestamp": "2026-11-20T10:00:00Z",
        "email": secret,
        "context": {"ip": "203.0.113.77", "page": {"url": f"https://s.example/?u={anonymous}&mail={secret}"},
                    "traits": {"email": secret}, "location": {"latitude": 53.8008, "city": "Leeds"}},
        "properties": {"product_id": "A", "note": f"for {anonymous} and {secret} from 203.0.113.77",
                       "customer": {"id_copy": anonymous, "phone": "+44 20 7946 0958", "say": "+44 20 7946 0958"}},
        "traits": {"email": secret, "name": "Private Person", "plan": "gold"},
    }  # fmt: skip
    batch = [
        {"type": "track", "event": "Product Viewed", "messageId": f"{anonymous}-1", **places},
        {"type": "track", "event": f"unknown {secret} {anonymous}", "messageId": f"{anonymous}-2", **places},
        {"type": "identify", "messageId": "m3", **places},
        {"type": "track", "event": "Product Viewed", "messageId": "m4", **places, "timestamp": anonymous},
        f"{secret} 203.0.113.77",
    ]
    headers = {"X-Forwarded-For": "198.51.100.23", "User-Agent": "Secret-Browser/1.0"}
    answer = own_collector.post("batch", {"batch": batch}, **headers)
    assert answer.json()["accepted"] == 2
    own_collector.post("batch", json.dumps({"batch": batch}).encode()[:-1])
    records = own_collector.written(own_collector.topics.events) + own_collector.written(own_collector.topics.rejected)
    assert len(records) == 5
    own_collector.stop()
    everything = b"".join((key or b"") + value for _, key, value in records) + own_collector.log.encode()
    for raw in (user, anonymous, "anon/é", secret, "203.0.113.77", "7946", "53.8008", "Private Person",
                "198.51.100.23", "Secret-Browser", "127.0.0.1:5"):  # fmt: skip
        assert raw.encode() not in everything, raw
        assert json.dumps(raw)[1:-1].encode() not in everything, raw
    assert b"Leeds" in everything
    sealer = Sealer(pseudonyms(own_collector))
    assert sealer.user(user).encode() in everything


def test_concurrent_batches_are_all_kept(collector: RunningCollector) -> None:
    async def send() -> list[httpx.Response]:
        async with httpx.AsyncClient(headers={"Authorization": collector.authorization}, timeout=30) as client:
            posts = [
                client.post(
                    f"{collector.url}/v1/batch",
                    json={"batch": [click(f"b{batch}-{number}") for number in range(700)]},
                )
                for batch in range(6)
            ]
            return await asyncio.gather(*posts)

    answers = asyncio.run(send())
    assert [answer.json()["accepted"] for answer in answers] == [700] * 6
    found = [event["message_id"] for event in collector.events()]
    assert len(found) == len(set(found)) == 4200


def test_client_that_leaves_half_way_harms_nobody(collector: RunningCollector) -> None:
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: c\r\nAuthorization: {collector.authorization}\r\n"
        "Content-Length: 1000\r\n\r\n"
    ).encode()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", collector.port)) as connection:
            connection.sendall(head + b'{"batch":[')
    body = json.dumps({"batch": [click("left")]}).encode()
    with socket.create_connection(("127.0.0.1", collector.port)) as connection:
        connection.sendall(head.replace(b"1000", str(len(body)).encode()) + body)
    assert collector.post("track", click("after")).status_code == 200
    page = httpx.get(f"{collector.url}/metrics").text
    assert "clickloop_collector_buffer_bytes 0.0" in page
    assert "clickloop_collector_requests_in_flight 0.0" in page
    assert {event["message_id"] for event in collector.events()} >= {"after"}


def test_metrics_count_what_happened(own_collector: RunningCollector) -> None:
    own_collector.post("batch", {"batch": [click("m1"), click("m2"), {"type": "nonsense", "userId": "u"}]})
    own_collector.post("batch", b"{")
    page = httpx.get(f"{own_collector.url}/metrics").text
    for line in (
        'clickloop_collector_requests_total{path="batch",status="200"} 1.0',
        'clickloop_collector_requests_total{path="batch",status="400"} 1.0',
        "clickloop_collector_events_accepted_total 2.0",
        'clickloop_collector_events_rejected_total{reason="unknown_type"} 1.0',
        "clickloop_collector_ack_seconds_count 1.0",
        "clickloop_collector_kafka_up 1.0",
    ):
        assert line in page.splitlines()


def test_stopping_answers_what_was_asked_and_exits_cleanly(own_collector: RunningCollector) -> None:
    answer = own_collector.post("batch", {"batch": [click(f"m{number}") for number in range(500)]})
    assert own_collector.stop() == 0
    assert answer.json()["accepted"] == len(own_collector.events()) == 500
