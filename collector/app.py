"""The collector's HTTP surface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.answer import failure, object_answer
from collector.budget import Budget
from collector.connection import Connection
from collector.ingest import Ingest, Parts
from collector.items import BATCH, SINGLE, Catalogue
from collector.key import WriteKey
from collector.metrics import Metrics
from collector.outbox import Outbox, Patience
from collector.partitioner import Placing
from collector.sealed import Sealer
from collector.token import AdminToken
from contracts.settings import Settings
from contracts.topics import Topics
from privacy.pseudonym import Pseudonymizer

CALLS = ("batch", "track", "page", "screen", "identify", "alias")
_PROBE_TIMEOUT_S = 0.5
_PREFLIGHT_LIFE_S = 3600


def utc_now() -> datetime:
    """The present, aware UTC."""
    return datetime.now(UTC)


def build_app(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> Starlette:
    """The application; Kafka is connected to in the background once it has started."""
    topics = Topics(settings.kafka.topic_prefix)
    collector = settings.collector
    budget = Budget(collector.buffer_bytes)
    connection = Connection(
        settings.kafka.bootstrap,
        (topics.events, topics.rejected, topics.items),
        Placing(topics.events, settings.kafka.partitions),
        ack_timeout_s=collector.ack_timeout_s,
    )
    outbox = Outbox(connection, budget, Patience(ack_timeout_s=collector.ack_timeout_s))
    metrics = Metrics()
    metrics.watch("kafka_up", "1 while Kafka acknowledges", lambda: float(outbox.trouble() is None))
    metrics.watch("buffer_bytes", "Bytes held for requests and records", lambda: float(budget.held_bytes))
    metrics.watch("deliveries_pending", "Requests that wait for Kafka", lambda: float(outbox.pending))
    parts = Parts(
        settings=collector,
        topics=topics,
        key=WriteKey(settings.secrets.write_key.get_secret_value()),
        sealer=Sealer(Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value())),
        outbox=outbox,
        budget=budget,
        metrics=metrics,
        now=now,
    )

    catalogue = Catalogue(parts, AdminToken(settings.secrets.admin_token.get_secret_value()))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        connection.start()
        yield
        await outbox.close()

    return Starlette(
        routes=_routes(parts, catalogue, settings.kafka.bootstrap),
        middleware=[_cors(collector.allowed_origins)],
        exception_handlers={HTTPException: _no_such_path},
        lifespan=lifespan,
    )


def _cors(origins: tuple[str, ...]) -> Middleware:
    # Credentials are allowed because a beacon always asks for them; the collector sets no cookies.
    return Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["POST", "GET"],
        allow_headers=["Authorization", "Content-Type", "Content-Encoding"],
        allow_credentials=True,
        expose_headers=["Retry-After"],
        max_age=_PREFLIGHT_LIFE_S,
    )


def _routes(parts: Parts, catalogue: Catalogue, bootstrap: str) -> list[Route]:
    ingest = Ingest(parts)

    def answering(call: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await ingest.answer(request, call)

        return endpoint

    async def health(_request: Request) -> Response:
        trouble = parts.outbox.trouble() or await _probe(bootstrap)
        if trouble is None:
            return object_answer({"status": "ok", "kafka": "up"})
        state = {"status": "unavailable", "kafka": "away", "reason": trouble}
        return object_answer(state, HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics_page(_request: Request) -> Response:
        return Response(parts.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    routes = [Route(f"/v1/{call}", answering(call), methods=["POST"]) for call in CALLS]
    routes += [
        Route(f"/v1/{BATCH}", catalogue.answer, methods=["POST"]),
        Route("/v1/items/{item_id:path}", catalogue.answer, methods=["PUT", "DELETE"]),
    ]
    return [*routes, Route("/health", health), Route("/metrics", metrics_page)]


async def _probe(bootstrap: str) -> str | None:
    host, _, port = bootstrap.split(",")[0].strip().rpartition(":")
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError) as error:
        return f"Kafka at {bootstrap} does not take connections: {type(error).__name__}"
    writer.close()
    return None


async def _no_such_path(_request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    known = ", ".join(f"POST /v1/{call}" for call in (*CALLS, BATCH))
    known += f", PUT or DELETE /v1/{SINGLE}, GET /health, GET /metrics"
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else None
    return failure(status, f"expected one of {known}; came another", headers)
