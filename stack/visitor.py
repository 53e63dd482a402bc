"""A visitor of the shop, as the collector and the service see a browser: plain HTTP, kept alive."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any

from contracts.settings import Settings
from stack.errors import StackError

TIMEOUT_S = 10.0


class VisitError(StackError):
    """The collector or the service did not answer as a browser needs."""


@dataclass(frozen=True)
class Answer:
    """What `/recommend` said."""

    state_version: int
    items: tuple[dict[str, Any], ...]
    source: str
    model_version: str | None
    timings_ms: dict[str, float]

    @property
    def item_ids(self) -> list[str]:
        """The list's items, best first."""
        return [str(item["item_id"]) for item in self.items]


class Browser:
    """One keep-alive connection to the collector and one to the service."""

    def __init__(self, settings: Settings) -> None:
        self._collector = HTTPConnection(settings.collector.host, settings.collector.port, timeout=TIMEOUT_S)
        self._service = HTTPConnection(settings.serving.host, settings.serving.port, timeout=TIMEOUT_S)
        key = settings.secrets.write_key.get_secret_value()
        self._authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()

    def close(self) -> None:
        """Close both connections."""
        self._collector.close()
        self._service.close()

    def click(self, anonymous_id: str, item: dict[str, Any]) -> None:
        """Send a click on an item; returns once the collector has acknowledged it. Raises VisitError."""
        message = {
            "type": "track",
            "event": "Product Clicked",
            "messageId": secrets.token_hex(12),
            "anonymousId": anonymous_id,
            "timestamp": datetime.now(UTC).isoformat(),
            "properties": {"product_id": item["item_id"], "price": item["price"], "category": item["category"]},
            "context": {
                "sessionId": f"session-{anonymous_id}",
                "device": {"type": "desktop"},
                "locale": "en-GB",
                "consent": {"categoryPreferences": {"measurement": True, "personalization": True, "training": False}},
            },
        }
        _post(self._collector, "/v1/track", message, {"Authorization": self._authorization})

    def recommend(self, anonymous_id: str, *, k: int = 10) -> Answer:
        """The visitor's list at this moment. Raises VisitError."""
        said = _post(self._service, "/recommend", {"anonymous_id": anonymous_id, "k": k}, {})
        return Answer(
            state_version=said.get("state_version", 0),
            items=tuple(said["items"]),
            source=said["source"],
            model_version=said.get("model_version"),
            timings_ms=said.get("timings_ms", {}),
        )


def _post(connection: HTTPConnection, path: str, content: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    where = f"http://{connection.host}:{connection.port}{path}"
    try:
        connection.request("POST", path, json.dumps(content), {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException) as error:
        connection.close()
        raise VisitError(f"{where} does not answer ({error}). Is the stack up? clickloop status") from error
    if response.status != 200:
        raise VisitError(f"{where}: expected 200, got {response.status}: {body[:300].decode(errors='replace')}")
    found: dict[str, Any] = json.loads(body)
    if found.get("rejected"):
        raise VisitError(f"{where}: expected nothing rejected, got {found['rejected']}")
    return found


def milliseconds_since(began_s: float) -> float:
    """Milliseconds from a `time.perf_counter()` to now."""
    return (time.perf_counter() - began_s) * 1000
