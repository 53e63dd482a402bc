"""`GET /health` and `GET /metrics`, mounted beside BentoML's own routes and shown in its OpenAPI."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from serving.bodies import message_schema
from serving.health import Health, HealthCheck
from serving.metrics import ServingMetrics


def probes(check: HealthCheck, metrics: ServingMetrics) -> FastAPI:
    """An ASGI app of the two routes."""
    app = FastAPI(title="probes", docs_url=None, redoc_url=None, openapi_url=None)
    schema, components = message_schema(Health, local=True)
    content = {"application/json": {"schema": _inline(schema, components)}}

    @app.get(
        "/health",
        response_class=Response,
        responses={
            200: {"description": "Ready to answer", "content": content},
            503: {"description": "Not ready", "content": content},
        },
    )
    def health() -> Response:
        """How the service is, part by part: model, catalogue, Feast, Redis, Kafka."""
        found = check.check()
        body = msgspec.json.encode(found)
        return Response(body, status_code=200 if found.ready else 503, media_type="application/json")

    @app.get("/metrics", response_class=Response)
    def prometheus() -> Response:
        """Counters and histograms in Prometheus's text format."""
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return app


def _inline(schema: object, components: dict[str, object]) -> object:
    """The schema with each reference replaced by what it refers to."""
    if isinstance(schema, list):
        return [_inline(part, components) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(components[str(schema["$ref"]).rpartition("/")[2]], components)
    return {name: _inline(part, components) for name, part in schema.items()}
