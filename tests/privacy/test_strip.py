"""Personal fields leave at every depth; identifiers leave every text."""

from __future__ import annotations

from typing import Any

import pytest

from privacy.strip import TooDeep, replace_identifiers, strip_properties, strip_traits, strip_value


@pytest.mark.parametrize(
    "name",
    [
        "email", "e-mail", "Email Address", "emailAddress", "phone", "phone_number", "mobile", "address",
        "shipping_address", "postal_code", "ZIP", "latitude", "lng", "first_name", "lastName", "birthday", "password",
        "credit_card", "ip", "ipAddress", "userAgent", "idfa", "userId", "anonymous_id", "bob@example.com",
    ],
)  # fmt: skip
def test_personal_field_is_dropped_whatever_it_holds(name: str) -> None:
    for value in ("x", 7, None, {"a": 1}, ["b"]):
        assert strip_properties({name: value, "category": "mugs"}) == {"category": "mugs"}


def test_nested_fields_are_stripped_and_texts_cleaned() -> None:
    properties: dict[str, Any] = {
        "name": "Mug",
        "buyer": {"email": "a@b.co", "plan": "gold", "notes": ["call +44 20 7946 0958", 3, None, True]},
        "price": 2.5,
    }
    assert strip_properties(properties) == {
        "name": "Mug",
        "buyer": {"plan": "gold", "notes": ["call [removed]", 3, None, True]},
        "price": 2.5,
    }


def test_name_is_a_products_in_properties_and_a_persons_in_traits() -> None:
    assert strip_properties({"name": "Mug", "city": "Leeds"}) == {"name": "Mug", "city": "Leeds"}
    assert strip_traits({"name": "Bob", "id": "u1", "plan": "gold"}) == {"plan": "gold"}


def test_input_is_not_changed() -> None:
    properties = {"email": "a@b.co", "in": {"text": "a@b.co"}}
    strip_properties(properties)
    assert properties == {"email": "a@b.co", "in": {"text": "a@b.co"}}


def test_nesting_beyond_the_bound_is_refused() -> None:
    def nested(levels: int) -> Any:
        value: Any = "leaf"
        for _ in range(levels):
            value = {"in": value}
        return value

    assert strip_value(nested(12)) == nested(12)
    with pytest.raises(TooDeep, match="at most 12 levels"):
        strip_value(nested(13))


def test_identifier_is_replaced_alone_inside_a_text_and_in_a_name() -> None:
    value = {"link": "/u/user-4711/x", "list": ["user-4711"], "user-4711": 1, "n": 4711}
    assert replace_identifiers(value, {"user-4711": "P"}) == {"link": "/u/P/x", "list": ["P"], "P": 1, "n": 4711}


def test_identifier_too_short_to_be_told_from_other_words_is_left() -> None:
    assert replace_identifiers({"size": "42"}, {"42": "P"}) == {"size": "42"}
