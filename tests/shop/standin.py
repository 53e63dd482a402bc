"""Stands in for collector and service where a test takes either away: same requests, same answers, no stack.

The tests with the real processes are in `test_browser.py`; these answers have the shape that those give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.item import Item
from contracts.recommend import (
    FeatureValue,
    RecommendedItem,
    RecommendRequest,
    RecommendResponse,
    SimilarRequest,
    SimilarResponse,
)


class CollectorThatMayRefuse:
    """Takes batches as the collector does; answers `status` instead where it is set."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.headers: Mapping[str, str] = {}

    def app(self) -> Starlette:
        """`POST /v1/batch` for any origin."""
        return _with_cors([Route("/v1/batch", self._batch, methods=["POST"])])

    def events(self) -> list[str]:
        """Names of what came, in order."""
        return [message.get("event") or message["type"] for message in self.messages]

    async def _batch(self, request: Request) -> Response:
        if self.status != 200:
            return JSONResponse({"error": "told to refuse"}, self.status, headers=dict(self.headers))
        batch = json.loads(await request.body())["batch"]
        known = {message["messageId"] for message in self.messages}
        self.messages += [message for message in batch if message["messageId"] not in known]
        return JSONResponse({"accepted": len(batch), "rejected": []})


class ServiceThatFollowsCategories:
    """Recommends from the categories of the articles clicked last; `away` makes it fail."""

    def __init__(self, collector: CollectorThatMayRefuse, items: list[Item]) -> None:
        self._collector = collector
        self._items = items
        self.requests: list[RecommendRequest] = []
        self.away = False
        self.degraded: list[str] = []

    def app(self) -> Starlette:
        """`POST /recommend` and `/similar` for any origin."""
        return _with_cors(
            [
                Route("/recommend", self._recommend, methods=["POST"]),
                Route("/similar", self._similar, methods=["POST"]),
            ]
        )

    async def _recommend(self, request: Request) -> Response:
        if self.away:
            return Response("told to fail", 500)
        asked = msgspec.json.decode(await request.body(), type=RecommendRequest)
        self.requests.append(asked)
        mine = [m for m in self._collector.messages if m["anonymousId"] == asked.anonymous_id]
        known = bool(mine) and not self.degraded
        return _json(
            RecommendResponse(
                recommendation_id=f"r-{len(self.requests)}",
                items=self._ranked(mine, set(asked.exclude))[: asked.k],
                source="model" if known else "popular",
                model_version="stand-in" if known else None,
                state_version=len(mine) if known else 0,
                degraded=self.degraded,
                features={
                    "events_total": FeatureValue(len(mine), 0.01),
                    "recent_items": FeatureValue(self._recent(mine), 0.01),
                },
                timings_ms={"features": 0.4, "tower": 0.1, "search": 0.1},
            )
        )

    def _recent(self, messages: list[dict[str, Any]]) -> list[str]:
        codes = [message.get("properties", {}).get("product_id") for message in reversed(messages)]
        return [code for code in codes if code]

    def _ranked(self, messages: list[dict[str, Any]], excluded: set[str]) -> list[RecommendedItem]:
        categories = [message.get("properties", {}).get("category") for message in messages]
        liked = {category: place for place, category in enumerate(categories) if category}
        ranked = sorted(self._items, key=lambda item: -liked.get(item.category, -1))
        return [_recommended(item) for item in ranked if item.item_id not in excluded]

    async def _similar(self, request: Request) -> Response:
        if self.away:
            return Response("told to fail", 500)
        asked = msgspec.json.decode(await request.body(), type=SimilarRequest)
        category = next((item.category for item in self._items if item.item_id == asked.item_id), "")
        alike = [item for item in self._items if item.category == category and item.item_id != asked.item_id]
        items = [_recommended(item) for item in alike[: asked.k]]
        return _json(SimilarResponse(items=items, source="model", model_version="stand-in"))


def _recommended(item: Item) -> RecommendedItem:
    return RecommendedItem(item.item_id, item.name, item.price, item.category, 1.0)


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


def _with_cors(routes: list[Route]) -> Starlette:
    cors = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=["authorization", "content-type"]
    )
    return Starlette(routes=routes, middleware=[cors])
