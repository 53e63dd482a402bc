"""Why an event cannot be accepted."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Classes of refusal, as counted in the metrics."""

    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_TYPE = "unknown_type"
    NO_IDENTITY = "no_identity"
    INVALID_FIELD = "invalid_field"
    INVALID_TIME = "invalid_time"
    INVALID_CONSENT = "invalid_consent"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"


class Refused(ValueError):
    """An event that cannot be accepted; the message says what was expected and what came."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


_SHOWN_CHARACTERS = 80


def shown(value: object) -> str:
    """A value as an error message shows it: JSON's words, cut short."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def kind_of(value: object) -> str:
    """JSON's name of a value's type."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
