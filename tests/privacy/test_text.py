"""Addresses are found in text and links; what only looks like one stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.text import clean_text, clean_url


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("write to bob@example.com today", "write to [removed] today"),
        ("a.b+c@mail.example.co.uk,d@e.org", "[removed],[removed]"),
        ("bob%40example.com", "[removed]"),
        ("call +44 20 7946 0958", "call [removed]"),
        ("+442079460958", "[removed]"),
        ("(555) 123-4567 or 555-123-4567", "[removed] or [removed]"),
        ("from 203.0.113.77 at noon", "from [removed] at noon"),
        ("2001:db8:0:1:1:1:1:1", "[removed]"),
        ("fe80::1ff:fe23:4567:890a", "[removed]"),
    ],
)
def test_address_is_removed(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "WHITE HANGING HEART T-LIGHT HOLDER",
        "489434",
        "5012345678900",
        "85123A",
        "2026-11-21T12:00:00.123Z",
        "12:30:45",
        "1.2.3",
        "version 142.0.7444.60",
        "me @ home",
        "std::vector",
        "price 12.50, 3 for 30",
        "",
    ],
)
def test_text_without_an_address_stays(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://shop.example/?email=bob%40example.com&q=mug", "https://shop.example/?q=mug"),
        ("https://shop.example/?q=bob%40example.com", "https://shop.example/?q=[removed]"),
        ("https://shop.example/?e=bob@example.com&utm_source=x", "https://shop.example/?e=[removed]&utm_source=x"),
        ("https://bob:secret@shop.example/a", "https://shop.example/a"),
        ("https://shop.example/u/bob@example.com/orders", "https://shop.example/u/[removed]/orders"),
        ("https://shop.example/cb#access_token=abc&state=1", "https://shop.example/cb#state=1"),
        ("https://shop.example/?phone=1&tel=2", "https://shop.example/"),
        ("https://shop.example/?to=%2B442079460958", "https://shop.example/?to=[removed]"),
        ("https://shop.example/?to=+442079460958", "https://shop.example/?to=[removed]"),
        ("/search?lat=51.5&lon=0.1&q=set+12345678", "/search?q=set+12345678"),
        ("?email=a@b.co", ""),
    ],
)
def test_link_loses_what_is_personal(url: str, cleaned: str) -> None:
    assert clean_text(url) == cleaned


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:18000/item/85123A?ref=%20row&empty=&a=1;b#part",
        "http://[::1]:8080/a//b/?x",
        "https://shop.example/%E2%9C%93?q=caf%C3%A9+au+lait",
    ],
)
def test_link_without_anything_personal_stays_letter_by_letter(url: str) -> None:
    assert clean_text(url) == url


def usual(email: str) -> bool:
    return not set(email.partition("@")[0]) & set("=/?&#")


@given(st.text(max_size=60), st.emails().filter(usual))
def test_no_email_address_survives_in_any_text(prefix: str, email: str) -> None:
    assert email not in clean_text(f"{prefix} {email}")


@given(st.text(max_size=200))
def test_any_text_can_be_cleaned_as_a_link(text: str) -> None:
    assert "bob@example.com" not in clean_url(f"{text}?x=bob@example.com")
