"""Requests into records: read, check, convert, seal, deliver, answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from collector.agents import is_crawler
from collector.answer import Answer, GeneratedId, RejectedMessage, json_answer
from collector.answering import answered
from collector.body import Body, BodyError
from collector.budget import Budget
from collector.convert import Envelope, convert
from collector.kept import is_withheld, rejection_records
from collector.key import WriteKey
from collector.metrics import Metrics
from collector.outbox import Outbox
from collector.reading import read_json
from collector.refusal import Reason, Refused, kind_of
from collector.sealed import Record, Sealer
from contracts.event import Event, EventType
from contracts.settings import CollectorSettings
from contracts.topics import Topics

# Conversion is work on the event loop; after so long other requests get a turn.
_TURN_S = 0.008
# A rejection's record holds the message and a few words more; Kafka takes records up to 1 MiB.
_MAX_REJECTION_BYTES = 256 * 1024


@dataclass(frozen=True)
class Parts:
    """What an `Ingest` works with. `now` gives aware UTC."""

    settings: CollectorSettings
    topics: Topics
    key: WriteKey
    sealer: Sealer
    outbox: Outbox
    budget: Budget
    metrics: Metrics
    now: Callable[[], datetime]


@dataclass
class _Sorted:
    """The messages of one request, sorted by what becomes of them."""

    records: list[Record] = field(default_factory=list)
    answer: Answer = field(default_factory=lambda: Answer(success=True, accepted=0, rejected=[]))
    written: int = 0
    reasons: list[Reason] = field(default_factory=list)


class Ingest:
    """Answers one POST. `call` is the path's last part: batch, or one of Segment's single calls."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def answer(self, request: Request, call: str) -> Response:
        """The response; whatever the body, one of 200, 400, 401, 408, 413, 415 and 503."""
        return await answered(self._answer(request, call), self._parts.metrics, call=call, scheme="Basic")

    async def _answer(self, request: Request, call: str) -> Response:
        parts = self._parts
        known = parts.key.check_header(request.headers.get("authorization"))
        async with Body(request, parts.budget, max_bytes=parts.settings.max_body_bytes) as body:
            message = read_json(body)
            if not known:
                parts.key.check_body(message)
            messages, envelope = self._open(message, call, crawled=is_crawler(request.headers.get("user-agent", "")))
            sorted_ = await self._sort(messages, envelope)
            started = time.perf_counter()
            await parts.outbox.deliver(sorted_.records)
        self._count(sorted_, time.perf_counter() - started)
        single_refused = call != "batch" and sorted_.answer.rejected
        if single_refused:
            sorted_.answer.success = False
        return json_answer(sorted_.answer, HTTPStatus.BAD_REQUEST if single_refused else HTTPStatus.OK)

    def _open(self, message: Any, call: str, *, crawled: bool) -> tuple[list[Any], Envelope]:
        """The messages of a body, and what it says of all of them. Raises BodyError."""
        received_at = self._parts.now()
        if call != "batch":
            return [message], Envelope(received_at, call=call, crawled=crawled)
        if type(message) is not dict:
            raise BodyError(HTTPStatus.BAD_REQUEST, f"expected an object with a batch, came {kind_of(message)}")
        batch = message.get("batch")
        if type(batch) is not list:
            raise BodyError(HTTPStatus.BAD_REQUEST, f"expected $.batch to be a list of events, came {kind_of(batch)}")
        limit = self._parts.settings.max_batch
        if len(batch) > limit:
            raise BodyError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {limit} events in $.batch, came {len(batch)}"
            )
        sent_at, context = message.get("sentAt"), message.get("context")
        return batch, Envelope(received_at, sent_at=sent_at, context=context, crawled=crawled)

    async def _sort(self, messages: list[Any], envelope: Envelope) -> _Sorted:
        sorted_ = _Sorted()
        turn_ends = time.perf_counter() + _TURN_S
        for index, raw in enumerate(messages):
            try:
                self._accept(sorted_, index, raw, envelope)
            except Refused as error:
                self._refuse(sorted_, index, raw, envelope, error)
            if time.perf_counter() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = time.perf_counter() + _TURN_S
        return sorted_

    def _accept(self, sorted_: _Sorted, index: int, raw: Any, envelope: Envelope) -> None:
        events = convert(raw, envelope)
        first = events[0]
        given = first.message_id
        if first.consent.measurement or first.type is EventType.CONSENT:
            records = self._seal(events)
            sorted_.records += records
            sorted_.written += len(records)
        else:
            sorted_.answer.withheld += 1
        sorted_.answer.accepted += 1
        if not raw.get("messageId") and not raw.get("message_id"):
            sorted_.answer.generated.append(GeneratedId(index, given))

    def _seal(self, events: list[Event]) -> list[Record]:
        parts = self._parts
        limit = parts.settings.max_event_bytes
        records = [parts.sealer.seal(event, parts.topics.events) for event in events]
        size = max(len(record.value or b"") for record in records)
        if size > limit:
            raise Refused(Reason.TOO_LARGE, f"expected an event of at most {limit} bytes, came {size}")
        return records

    def _refuse(self, sorted_: _Sorted, index: int, raw: Any, envelope: Envelope, error: Refused) -> None:
        given = (raw.get("messageId") or raw.get("message_id")) if type(raw) is dict else None
        message_id = given if type(given) is str else None
        sorted_.answer.rejected.append(RejectedMessage(index, message_id, str(error)))
        sorted_.reasons.append(error.reason)
        if is_withheld(raw, envelope):
            return
        parts = self._parts
        sorted_.records += rejection_records(
            raw,
            envelope,
            str(error),
            sealer=parts.sealer,
            topic=parts.topics.rejected,
            max_bytes=_MAX_REJECTION_BYTES,
        )

    def _count(self, sorted_: _Sorted, ack_s: float) -> None:
        metrics = self._parts.metrics
        if sorted_.records:
            metrics.ack_seconds.observe(ack_s)
        metrics.accepted.inc(sorted_.answer.accepted - sorted_.answer.withheld)
        metrics.written.inc(sorted_.written)
        metrics.withheld.inc(sorted_.answer.withheld)
        for reason in sorted_.reasons:
            metrics.rejected.labels(reason).inc()
