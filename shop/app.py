"""The storefront over HTTP: pages, their assets, the catalogue as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from shop.catalogue import Catalogue
from shop.customers import Customer
from shop.headers import SecurityHeaders, content_security_policy

WEB_DIR = Path(__file__).resolve().parent / "web"
TRACKER_DIR = Path(__file__).resolve().parent.parent / "tracker" / "dist"
MAX_PAGE_SIZE = 100


@dataclass(frozen=True)
class Addresses:
    """What the page must know to talk to the others, as a browser reaches them.

    The write key names the shop to the collector and is public by nature.
    """

    collector_url: str
    service_url: str
    write_key: str


class ShopApp:
    """The routes, over a catalogue that may be another at each request."""

    def __init__(self, catalogue: Callable[[], Catalogue], addresses: Addresses, customers: list[Customer]) -> None:
        self._catalogue = catalogue
        self._addresses = addresses
        self._customers = customers

    def build(self) -> Starlette:
        """The ASGI application."""
        policy = content_security_policy(
            collector_url=self._addresses.collector_url, service_url=self._addresses.service_url
        )
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/api/config", self.config),
                Route("/api/categories", self.categories),
                Route("/api/customers", self.customers),
                Route("/api/items", self.items),
                Route("/api/items/{item_id}", self.item),
                Route("/api/{rest:path}", self.unknown),
                Mount("/assets", StaticFiles(directory=WEB_DIR / "dist")),
                Mount("/tracker", StaticFiles(directory=TRACKER_DIR)),
                Route("/favicon.svg", self.favicon),
                # The page itself tells its routes apart; a reload must find it under each of them.
                Route("/{page:path}", self.page),
            ],
            middleware=[
                Middleware(SecurityHeaders, policy=policy),
                Middleware(GZipMiddleware, minimum_size=1024),
            ],
            exception_handlers={HTTPException: _error},
        )

    async def page(self, _: Request) -> Response:
        """The one page."""
        return FileResponse(WEB_DIR / "index.html", headers={"Cache-Control": "no-cache"})

    async def favicon(self, _: Request) -> Response:
        """The icon."""
        return FileResponse(WEB_DIR / "favicon.svg", headers={"Cache-Control": "max-age=86400"})

    async def health(self, _: Request) -> Response:
        """200 with the number of articles."""
        return _json({"status": "ok", "articles": len(self._catalogue())})

    async def config(self, _: Request) -> Response:
        """Where collector and service are, and the public write key."""
        return _json(
            {
                "collectorUrl": self._addresses.collector_url,
                "serviceUrl": self._addresses.service_url,
                "writeKey": self._addresses.write_key,
            }
        )

    async def categories(self, _: Request) -> Response:
        """Categories with their sizes."""
        return _json([{"name": name, "count": count} for name, count in self._catalogue().categories()])

    async def customers(self, _: Request) -> Response:
        """Customers of the history whom a visitor may log in as."""
        return _json(self._customers)

    async def items(self, request: Request) -> Response:
        """A page of articles: parameters category, query, page, size."""
        parameters = request.query_params
        page = self._catalogue().find(
            category=parameters.get("category", ""),
            query=parameters.get("query", ""),
            page=_count(request, "page", default=1, most=1_000_000),
            size=_count(request, "size", default=24, most=MAX_PAGE_SIZE),
        )
        return _json(page)

    async def item(self, request: Request) -> Response:
        """One article, 404 where there is none of that code."""
        item_id = request.path_params["item_id"]
        item = self._catalogue().get(item_id)
        if item is None:
            raise HTTPException(404, f"expected the code of an article, came {item_id!r}")
        return _json(item)

    async def unknown(self, request: Request) -> Response:
        """404 in JSON, not the page."""
        raise HTTPException(404, f"nothing at {request.url.path}")


def _count(request: Request, name: str, *, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise HTTPException(400, f"expected {name} from 1 to {most}, came {text!r}")
    return int(text)


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-cache"})


async def _error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "internal error"
    return Response(msgspec.json.encode({"error": detail}), status, media_type="application/json")
