"""Whatever comes: an answer that is no 500, and no valid event lost."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.fields import MESSAGE_FIELDS
from collector.names import SEGMENT_NAMES
from contracts.event import decode_event
from tests.collector.running import RunningCollector, click

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2026-11-21T12:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+23:59", "\ud800"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*MESSAGE_FIELDS, "products", "page", "location", "categoryPreferences", "product_id"])
OBJECTS = st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=8)
MESSAGES = JSON | st.builds(
    lambda name, user, fields, properties, context: {
        "type": "track", "event": name, "userId": user, "properties": properties, "context": context, **fields,
    },
    st.sampled_from([*SEGMENT_NAMES, "identify", "x"]),
    SCALARS,
    OBJECTS,
    OBJECTS | JSON,
    OBJECTS | JSON,
)  # fmt: skip
WANTED: set[str] = set()
FUZZ = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(messages=st.lists(MESSAGES, max_size=6), place=st.integers(0, 6), numbers=st.sampled_from(["", "1e999"]))
@FUZZ
def test_any_batch_is_answered_for_each_message_and_keeps_the_valid_one(
    collector: RunningCollector, messages: list[Any], place: int, numbers: str
) -> None:
    valid = f"valid-{uuid4()}"
    place = min(place, len(messages))
    batch = [*messages[:place], click(valid), *messages[place:]]
    body = json.dumps({"batch": batch})
    if numbers:
        body = body.replace('"batch": [', f'"batch": [{numbers}, ', 1)
        place += 1
    answer = collector.post("batch", body.encode())
    assert answer.status_code == 200, answer.text
    said = answer.json()
    total = len(batch) + bool(numbers)
    assert said["accepted"] + len(said["rejected"]) == total
    assert place not in {entry["index"] for entry in said["rejected"]}
    WANTED.add(valid)


def test_everything_that_was_accepted_can_be_read_from_the_topics(shared_collector: RunningCollector) -> None:
    topics = shared_collector.topics
    shared_collector.rewind()
    accepted = [decode_event(value) for _, _, value in shared_collector.written(topics.events)]
    assert {event.message_id for event in accepted} >= WANTED
    for event in accepted:
        assert event.profile_id
        assert event.received_at is not None
        assert event.timestamp <= event.received_at
    for _, _, value in shared_collector.written(topics.rejected):
        kept = json.loads(value)
        assert kept["reason"].startswith(("expected", "Expected", "properties.products", "Invalid"))


@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@FUZZ
def test_any_body_is_answered_without_an_error_of_ours(collector: RunningCollector, body: bytes) -> None:
    for call in ("batch", "track", "identify"):
        assert collector.post(call, body).status_code in (200, 400)
