"""What the collector answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

_encoder = msgspec.json.Encoder()


class RejectedMessage(Struct, frozen=True):
    """A refused message: its place in the batch, its id if it had one, and why."""

    index: int
    message_id: str | None
    reason: str


class GeneratedId(Struct, frozen=True):
    """The id given to a message that came without one."""

    index: int
    message_id: str


class Answer(Struct, kw_only=True, omit_defaults=True):
    """The outcome for each message of a request.

    `accepted` counts messages, those that the visitor wished not to be measured included;
    `success` says that none was refused for a whole-request reason.
    """

    success: bool
    accepted: int
    rejected: list[RejectedMessage]
    withheld: int = 0
    generated: list[GeneratedId] = []


class Failure(Struct, kw_only=True):
    """A request that was refused as a whole."""

    success: bool = False
    error: str


def json_answer(content: Struct, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(_encoder.encode(content), status, headers, "application/json")


def failure(status: HTTPStatus, message: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says what was expected and what came."""
    return json_answer(Failure(error=message), status, headers)


def object_answer(content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A JSON response from plain values."""
    return Response(_encoder.encode(content), status, None, "application/json")
