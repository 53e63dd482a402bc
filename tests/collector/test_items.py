"""The catalogue over HTTP: for who has the token, acknowledged by Kafka, a bad item alone refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.item import FIELDS, decode_item
from stack.kafka_server import KafkaServer
from tests.collector.conftest import collector_settings
from tests.collector.running import RunningCollector, running_collector
from tests.collector.test_fuzz import JSON

TOKEN = "none"  # of the tests' settings
LAMP = {"name": "A Lamp", "price": 30, "category": "light"}


@pytest.fixture
def items(collector: RunningCollector) -> Items:
    found = Items(collector)
    found.mark()
    return found


class Items:
    """A client with the token, and what the topic has."""

    def __init__(self, collector: RunningCollector) -> None:
        self.url = f"{collector.url}/v1/items"
        self._collector = collector
        self._begin = 0

    def mark(self) -> None:
        """Forget what was written so far."""
        self._begin = len(self._values())

    def ask(self, method: str, path: str, content: Any = None, *, token: str | None = TOKEN) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        return httpx.request(method, f"{self.url}{path}", content=body, headers=headers, timeout=30)

    def written(self) -> list[tuple[str, Any]]:
        """Id and JSON, None for one that is gone, of what was written since the mark."""
        return self._values()[self._begin :]

    def _values(self) -> list[tuple[str, Any]]:
        records = self._collector.written(self._collector.topics.items)
        return [((key or b"").decode(), None if value is None else json.loads(value)) for _, key, value in records]


def test_an_item_is_put_changed_and_deleted(items: Items) -> None:
    before = datetime.now(UTC)
    assert items.ask("PUT", "/lamp", LAMP).json() == {"success": True, "accepted": 1, "rejected": []}
    assert items.ask("PUT", "/a%2Fb%20c", {**LAMP, "item_id": "a/b c", "brand": "acme"}).status_code == 200
    assert items.ask("DELETE", "/lamp").status_code == 200
    (first, second, third) = items.written()
    assert before <= datetime.fromisoformat(first[1].pop("changed_at")) <= datetime.now(UTC)
    assert first == ("lamp", {"item_id": "lamp", "name": "A Lamp", "price": 30.0, "category": "light"})
    assert (second[0], second[1]["item_id"], second[1]["brand"]) == ("a/b c", "a/b c", "acme")
    assert third == ("lamp", None)


def test_a_bad_item_never_fails_its_batch(items: Items) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    batch: list[Any] = [
        {**LAMP, "item_id": "good-1"},
        {**LAMP, "item_id": "dear", "price": "1"},
        {**LAMP, "item_id": "free", "prize": 1},
        7,
        {**LAMP, "item_id": "later", "changed_at": soon},
        {"item_id": "half"},
        {**LAMP, "item_id": 12},
    ]
    answer = items.ask("POST", "", {"items": batch})
    assert answer.status_code == 200
    said = answer.json()
    assert said["accepted"] == 2
    reasons = {entry["index"]: (entry["item_id"], entry["reason"]) for entry in said["rejected"]}
    assert reasons[1] == ("dear", "price: expected `float`, got `str`, came '1'")
    assert reasons[2] == ("free", f"expected the fields {', '.join(FIELDS)}; came 'prize'")
    assert reasons[3] == (None, "expected an item as an object, came int")
    assert reasons[4][1].startswith("changed_at: expected an instant that has come, came '2")
    assert reasons[5] == ("half", "expected item_id, name, price, category; came no name and no price and no category")
    assert [key for key, _ in items.written()] == ["good-1", "12"]


@pytest.mark.parametrize("token", [None, "wrong", "nonee"])
@pytest.mark.parametrize(("method", "path"), [("PUT", "/lamp"), ("DELETE", "/lamp"), ("POST", "")])
def test_without_the_token_nothing_is_changed(items: Items, method: str, path: str, token: str | None) -> None:
    answer = items.ask(method, path, LAMP, token=token)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "admin token" in answer.json()["error"]
    assert items.written() == []


def test_the_write_key_is_no_token(items: Items, collector: RunningCollector) -> None:
    answer = httpx.put(f"{items.url}/lamp", json=LAMP, headers={"Authorization": collector.authorization})
    assert answer.status_code == 401


def test_without_a_token_set_nobody_has_it(kafka: KafkaServer, tmp_path: Path) -> None:
    made = collector_settings(tmp_path / "home", kafka.bootstrap)
    with running_collector(made, tmp_path / "log", CLICKLOOP_SECRETS_ADMIN_TOKEN="") as collector:
        answer = Items(collector).ask("PUT", "/lamp", LAMP, token="x")
        assert answer.status_code == 401
        assert "none is set" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("PUT", "/lamp", b"{", "expected JSON"),
        ("PUT", "/lamp", b"[]", "expected an item as an object, came list"),
        ("PUT", "/lamp", json.dumps({**LAMP, "item_id": "mug"}).encode(), "item_id: expected the path's 'lamp'"),
        ("PUT", "/lamp", json.dumps({**LAMP, "price": -1}).encode(), "price: expected `float` >= 0.0, came -1"),
        ("PUT", "/" + "x" * 257, json.dumps(LAMP).encode(), "item_id: expected `str` of length <= 256"),
        ("DELETE", "/" + "x" * 257, None, "item_id: expected 1 to 256 characters, came 257"),
        ("POST", "", b"[]", "expected an object whose items is a list, came a list"),
        ("POST", "", b'{"items":{}}', "expected an object whose items is a list, came an object"),
    ],
)
def test_a_bad_request_is_told_what_was_expected(
    items: Items, method: str, path: str, body: bytes | None, reason: str
) -> None:
    answer = items.ask(method, path, body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(reason)
    assert items.written() == []


RAW = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=6), JSON, max_size=7)
FUZZ = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(raws=st.lists(RAW | JSON, max_size=6), place=st.integers(0, 6))
@FUZZ
def test_any_batch_is_answered_for_each_item_and_takes_the_valid_one(items: Items, raws: list[Any], place: int) -> None:
    place = min(place, len(raws))
    batch = [*raws[:place], {**LAMP, "item_id": "valid"}, *raws[place:]]
    answer = items.ask("POST", "", {"items": batch})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["accepted"] + len(said["rejected"]) == len(batch)
    assert place not in {entry["index"] for entry in said["rejected"]}


# A client takes dots for steps up, and a route ends at a line's end; a batch takes such ids too.
NAMES = st.text().filter(lambda name: "\n" not in name and name.strip("."))


@given(body=st.binary(max_size=200) | (RAW | JSON).map(lambda value: json.dumps(value).encode()), name=NAMES)
@FUZZ
def test_any_body_and_any_id_are_answered_without_an_error_of_ours(items: Items, body: bytes, name: str) -> None:
    path = f"/{quote(name.encode('utf-8', 'replace'), safe='')}"
    for method in ("PUT", "POST"):
        assert items.ask(method, path if method == "PUT" else "", body).status_code in (200, 400)
    assert items.ask("DELETE", path).status_code in (200, 400)


def test_everything_accepted_can_be_read_from_the_topic(collector: RunningCollector) -> None:
    collector.rewind()
    records = collector.written(collector.topics.items)
    assert len(records) > 100
    for _, key, value in records:
        assert key
        if value is not None:
            item = decode_item(value)
            assert item.item_id == key.decode()
            assert item.changed_at is not None


def test_kafka_away_is_a_503_and_works_again_when_it_is_back(own_kafka: KafkaServer, tmp_path: Path) -> None:
    made = collector_settings(tmp_path / "home", own_kafka.bootstrap)
    with running_collector(made, tmp_path / "log") as collector:
        items = Items(collector)
        assert items.ask("PUT", "/before", LAMP).status_code == 200
        own_kafka.stop()
        for method, path, content in (("PUT", "/x", LAMP), ("DELETE", "/x", None), ("POST", "", {"items": []})):
            answer = items.ask(method, path, content)
            if content == {"items": []}:
                assert answer.status_code == 200
            else:
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) >= 1
        own_kafka.start()
        collector.wait_for(200)
        assert items.ask("PUT", "/after", LAMP).status_code == 200
        names = [name for name, _ in items.written()]
        assert names[0] == "before"
        assert names[-1] == "after"
        assert set(names) <= {"before", "x", "after"}
