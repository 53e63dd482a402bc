"""Changes of the catalogue over HTTP, into the topic `items`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from collector.answer import json_answer
from collector.answering import answered
from collector.body import Body, BodyError
from collector.ingest import Parts
from collector.reading import read_json
from collector.refusal import kind_of, shown
from collector.sealed import Record
from collector.token import AdminToken
from contracts.item import InvalidItem, encode_item, parse_item

BATCH, SINGLE = "items", "items/{item_id}"
_MAX_ID_CHARACTERS = 256
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class RejectedItem(Struct, frozen=True):
    """A refused item: its place in the batch, its id if it had one, and why."""

    index: int
    item_id: str | None
    reason: str


class ItemsAnswer(Struct, kw_only=True):
    """The outcome for each item of a request. `accepted` are in Kafka; what was refused changed nothing."""

    success: bool
    accepted: int
    rejected: list[RejectedItem]


@dataclass(frozen=True)
class Catalogue:
    """Answers `PUT` and `DELETE /v1/items/{id}` and `POST /v1/items`: 2xx once Kafka has acknowledged."""

    parts: Parts
    token: AdminToken

    async def answer(self, request: Request) -> Response:
        """The response; whatever the body, one of 200, 400, 401, 408, 413, 415 and 503."""
        path = BATCH if request.method == "POST" else SINGLE
        return await answered(self._answer(request), self.parts.metrics, call=path, scheme="Bearer")

    async def _answer(self, request: Request) -> Response:
        parts = self.parts
        self.token.check(request.headers.get("authorization"))
        if request.method == "DELETE":
            records = [Record(parts.topics.items, _key(request.path_params["item_id"]), None)]
            rejected: list[RejectedItem] = []
            await parts.outbox.deliver(records)
        else:
            async with Body(request, parts.budget, max_bytes=parts.settings.max_body_bytes) as body:
                records, rejected = self._read(request, read_json(body))
                await parts.outbox.deliver(records)
        return json_answer(ItemsAnswer(success=True, accepted=len(records), rejected=rejected))

    def _read(self, request: Request, content: Any) -> tuple[list[Record], list[RejectedItem]]:
        """Records to send, and what is refused of a batch. Raises BodyError, InvalidItem."""
        now = self.parts.now()
        if request.method == "PUT":
            return [self._record(_named(content, request.path_params["item_id"]), now)], []
        records: list[Record] = []
        rejected: list[RejectedItem] = []
        for index, raw in enumerate(self._batch(content)):
            try:
                records.append(self._record(raw, now))
            except InvalidItem as error:
                given = raw.get("item_id") if type(raw) is dict else None
                rejected.append(RejectedItem(index, given if type(given) is str else None, str(error)))
        return records, rejected

    def _batch(self, content: Any) -> list[Any]:
        if type(content) is not dict or type(content.get("items")) is not list:
            came = kind_of(content.get("items")) if type(content) is dict else kind_of(content)
            raise BodyError(HTTPStatus.BAD_REQUEST, f"expected an object whose items is a list, came {came}")
        limit, items = self.parts.settings.max_batch, content["items"]
        if len(items) > limit:
            raise BodyError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {limit} items in a batch, came {len(items)}"
            )
        return list(items)

    def _record(self, raw: Any, now: datetime) -> Record:
        item = parse_item(raw)
        changed_at = item.changed_at or now
        if changed_at > now:
            raise InvalidItem(f"changed_at: expected an instant that has come, came {shown(changed_at.isoformat())}")
        if changed_at < _EARLIEST:
            raise InvalidItem(f"changed_at: expected 1970 or later, came {shown(changed_at.isoformat())}")
        item = replace(item, changed_at=changed_at.astimezone(UTC))
        return Record(self.parts.topics.items, _key(item.item_id), encode_item(item))


def _named(content: Any, item_id: str) -> Any:
    """The body of a PUT with the path's id, which it need not repeat and may not contradict."""
    if type(content) is not dict:
        return content
    given = content.get("item_id", item_id)
    if given != item_id:
        raise InvalidItem(f"item_id: expected the path's {shown(item_id)}, came {shown(given)}")
    return {**content, "item_id": item_id}


def _key(item_id: str) -> bytes:
    """Raises InvalidItem where no item can have the id."""
    if not 0 < len(item_id) <= _MAX_ID_CHARACTERS:
        raise InvalidItem(f"item_id: expected 1 to {_MAX_ID_CHARACTERS} characters, came {len(item_id)}")
    return item_id.encode("utf-8", "replace")
