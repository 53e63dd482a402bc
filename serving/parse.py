"""Requests from bytes; what is wrong with a bad one is said by field, expectation and what came."""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

Request = TypeVar("Request", bound=Struct)

_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_GOT = re.compile(r", got `[^`]*`$")
_SHOWN = 200
BODY = "body"


class BadRequest(Struct, frozen=True):
    """Why a request was refused."""

    error: str
    field: str
    expected: str
    came: str


class Refused(ValueError):
    """A request that cannot be read; `.reason` is the answer to give."""

    def __init__(self, reason: BadRequest) -> None:
        super().__init__(reason.error)
        self.reason = reason


class RequestParser(Generic[Request]):
    """Reads one kind of request."""

    def __init__(self, kind: type[Request]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def parse(self, body: bytes) -> Request:
        """The request in `body`, JSON. Raises Refused."""
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise Refused(self._invalid(str(error), msgspec.json.decode(body))) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            came = f"{_shown(body.decode(errors='replace'))} ({error})" if body else "nothing"
            raise Refused(_refusal(BODY, "a JSON object", came)) from error

    def _invalid(self, message: str, raw: Any) -> BadRequest:
        place = _PLACE.search(message)
        path = place["path"] if place else ""
        rule = _PLACE.sub("", message)
        if unknown := _UNKNOWN.match(rule):
            fields = ", ".join(self._kind.__struct_fields__)
            return _refusal(_join(path, unknown["name"]), f"one of the fields {fields}", unknown["name"])
        if missing := _MISSING.match(rule):
            return _refusal(_join(path, missing["name"]), "a value, the field is required", "none")
        expected = _GOT.sub("", rule).removeprefix("Expected ").replace("`", "")
        return _refusal(path or BODY, expected, _shown(msgspec.json.encode(_at(raw, path)).decode()))


def _refusal(field: str, expected: str, came: str) -> BadRequest:
    return BadRequest(error=f"{field}: expected {expected}, came {came}", field=field, expected=expected, came=came)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _at(raw: Any, path: str) -> Any:
    """The value at `a.b[0]` of a decoded body."""
    for step in re.findall(r"[^.\[\]]+", path):
        raw = raw[int(step)] if isinstance(raw, list) else raw[step]
    return raw


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
