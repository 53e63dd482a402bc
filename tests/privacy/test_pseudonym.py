"""Pseudonyms: stable, keyed, in separate domains."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from privacy.pseudonym import Pseudonymizer

KEY = "a key of more than sixteen bytes"


def test_pseudonym_is_the_first_half_of_the_keyed_hmac() -> None:
    digest = hmac.new(KEY.encode(), b"user:alice", hashlib.sha256).digest()[:16]
    assert Pseudonymizer(KEY).user("alice") == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_same_text_in_two_domains_gives_two_codes() -> None:
    pseudonymizer = Pseudonymizer(KEY)
    assert pseudonymizer.user("alice") != pseudonymizer.anonymous("alice")


def test_another_key_gives_another_code() -> None:
    assert Pseudonymizer(KEY).user("alice") != Pseudonymizer(f"{KEY}!").user("alice")


def test_profile_prefers_the_user() -> None:
    pseudonymizer = Pseudonymizer(KEY)
    assert pseudonymizer.profile(user_id="u", anonymous_id="a") == pseudonymizer.user("u")
    assert pseudonymizer.profile(user_id=None, anonymous_id="a") == pseudonymizer.anonymous("a")
    assert pseudonymizer.profile(user_id=None, anonymous_id=None) is None


def test_short_key_is_refused_with_its_length() -> None:
    with pytest.raises(ValueError, match="expected at least 16 bytes, came 5"):
        Pseudonymizer("short")
