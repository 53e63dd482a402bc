"""Bad requests are told what is wrong with them."""

from __future__ import annotations

import pytest

from contracts.recommend import RecommendRequest, SimilarRequest
from serving.parse import BadRequest, Refused, RequestParser


def refusal(body: bytes) -> BadRequest:
    with pytest.raises(Refused) as caught:
        RequestParser(RecommendRequest).parse(body)
    return caught.value.reason


def test_reads_a_good_request() -> None:
    request = RequestParser(RecommendRequest).parse(b'{"anonymous_id":"a","k":3,"context":{"country":"France"}}')

    assert (request.anonymous_id, request.k, request.context.country) == ("a", 3, "France")


@pytest.mark.parametrize(
    ("body", "field", "expected", "came"),
    [
        (b'{"k":1000}', "k", "int <= 100", "1000"),
        (b'{"k":"ten"}', "k", "int", '"ten"'),
        (b'{"user_id":""}', "user_id", "str of length >= 1", '""'),
        (b'{"context":{"device":3}}', "context.device", "str | null", "3"),
        (b'{"exclude":["a",1]}', "exclude[1]", "str", "1"),
        (b"[1]", "body", "object", "[1]"),
        (b"", "body", "a JSON object", "nothing"),
    ],
)
def test_names_the_field_what_was_expected_and_what_came(body: bytes, field: str, expected: str, came: str) -> None:
    reason = refusal(body)

    assert (reason.field, reason.expected, reason.came) == (field, expected, came)
    assert reason.error == f"{field}: expected {expected}, came {came}"


def test_names_the_fields_there_are_when_an_unknown_one_comes() -> None:
    reason = refusal(b'{"usr_id":"a"}')

    assert reason.field == "usr_id"
    assert "user_id, anonymous_id, k, context" in reason.expected


def test_names_a_required_field_that_is_missing() -> None:
    with pytest.raises(Refused) as caught:
        RequestParser(SimilarRequest).parse(b'{"k":3}')

    assert caught.value.reason.field == "item_id"


@pytest.mark.parametrize("body", [b'{"k":', b"\xff\xfe", b"{k:1}"])
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    assert refusal(body).expected == "a JSON object"


def test_a_long_value_is_shown_cut() -> None:
    assert len(refusal(b'{"k":"' + b"x" * 10_000 + b'"}').came) < 300
