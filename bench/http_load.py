"""Send prepared requests over keep-alive connections, from a process of its own: `python -m bench.http_load`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec

from bench.traffic import zipf_events
from contracts.event import Event, EventType
from stack.ports import LOOPBACK

USERS = 10_000
_SEGMENT_NAMES = {
    EventType.ITEM_VIEW: "Product Viewed",
    EventType.CLICK: "Product Clicked",
    EventType.ADD_TO_CART: "Product Added",
    EventType.PURCHASE: "Order Completed",
}


@dataclass(frozen=True)
class Load:
    """What to send. `batch` 0 sends each message alone."""

    port: int
    authorization: str
    events: int
    batch: int
    connections: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What came of a load. Latencies are of requests, from the first byte sent to the whole answer read."""

    events: int
    seconds: float
    p50_ms: float
    p99_ms: float


def segment_message(event: Event) -> dict[str, object]:
    """The message a browser would send for the event, in Segment's shape."""
    article = {"product_id": event.item_id, "price": event.price, **event.properties}
    properties = {"products": [article]} if event.type is EventType.PURCHASE else article
    return {
        "messageId": event.message_id,
        "type": "page" if event.type is EventType.PAGE_VIEW else "track",
        "event": _SEGMENT_NAMES.get(event.type, event.type.value),
        "anonymousId": event.anonymous_id,
        "timestamp": event.timestamp.isoformat(),
        "properties": {} if event.type is EventType.PAGE_VIEW else properties,
        "context": {
            "page": {"url": f"http://127.0.0.1:18000{event.page_url}", "referrer": ""},
            "locale": event.context.locale,
            "timezone": event.context.time_zone,
            "device": {"type": event.context.device},
            "sessionId": event.session_id,
            "consent": {"categoryPreferences": {"measurement": True, "personalization": True, "training": False}},
        },
    }


def messages(count: int, *, seed: int) -> list[dict[str, object]]:
    """`count` messages of `USERS` visitors."""
    return [segment_message(event) for event in zipf_events(count=count, users=USERS, seed=seed)]


def requests(load: Load) -> list[bytes]:
    """The whole HTTP requests, ready to be written to a socket."""
    made = messages(load.events, seed=load.seed)
    if load.batch == 0:
        return [_request(load, str(message["type"]), message) for message in made]
    return [
        _request(load, "batch", {"batch": made[first : first + load.batch]})
        for first in range(0, len(made), load.batch)
    ]


def _request(load: Load, call: str, content: object) -> bytes:
    body = msgspec.json.encode(content)
    head = (
        f"POST /v1/{call} HTTP/1.1\r\nHost: collector\r\nAuthorization: {load.authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send(load: Load, prepared: Sequence[bytes]) -> Outcome:
    """Send all, each connection one request at a time. Raises RuntimeError at an answer other than 200."""
    waiting = list(reversed(prepared))
    latencies: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, load.port)
        while waiting:
            request = waiting.pop()
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
            latencies.append(time.perf_counter() - began)
            if not head.startswith(b"HTTP/1.1 200") or b'"rejected":[]' not in answer:
                raise RuntimeError(f"expected 200 and nothing rejected, came {head[:40]!r} {answer[:300]!r}")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(load.connections)))
    seconds = time.perf_counter() - began
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    return Outcome(load.events, seconds, round(p50, 2), round(p99, 2))


def main() -> None:
    """Read a load as JSON from the first argument, print its outcome as JSON."""
    load = Load(**json.loads(sys.argv[1]))
    print(json.dumps(asdict(asyncio.run(send(load, requests(load))))))


if __name__ == "__main__":
    main()
