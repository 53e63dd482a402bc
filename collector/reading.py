"""JSON bodies: one quick reading, and a patient one for what browsers write and strict readers refuse."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder()


class Unreadable(ValueError):
    """A body that is no JSON; the message says where."""


def read_json(body: bytes) -> Any:
    """The decoded body. Half a surrogate pair, as in text cut within an emoji, becomes U+FFFD.

    Raises Unreadable with the byte or the place where reading failed.
    """
    try:
        return _decoder.decode(body)
    except RecursionError as error:
        raise Unreadable("expected JSON, came nesting too deep to read") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected UTF-8, came {_position(body)}") from error
    except msgspec.DecodeError as error:
        return _read_patiently(body, error)


def _position(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"byte 0x{body[error.start]:02x} at byte {error.start}"
    return "an invalid sequence"


def _read_patiently(body: bytes, cause: msgspec.DecodeError) -> Any:
    try:
        decoded = json.loads(body.decode(), parse_constant=_no_constant, parse_float=_number)
    except RecursionError as error:
        raise Unreadable("expected JSON, came nesting too deep to read") from error
    except json.JSONDecodeError as error:
        byte = len(error.doc[: error.pos].encode())
        raise Unreadable(f"expected JSON, came: {error.msg} at byte {byte}") from cause
    except ValueError as error:
        raise Unreadable(f"expected JSON, came: {error}") from cause
    return _repaired(decoded)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name}, which JSON has not")


def _number(text: str) -> float | str:
    # Beyond a double's range the digits are kept as text: no number, so a number's field refuses them.
    number = float(text)
    return text if number in (float("inf"), float("-inf")) else number


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_repaired(name): _repaired(part) for name, part in value.items()}
    return [_repaired(part) for part in value] if isinstance(value, list) else value
