"""Segment's context, or ours, as the contract's: no address, no coordinates, no fingerprint."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from collector.agents import is_bot
from privacy.strip import strip_properties
from privacy.text import clean_text

# What the contract's context, other fields of the event, or nobody at all holds of Segment's.
# fmt: off
_TAKEN = frozenset({
    "device", "network", "viewport", "locale", "timezone", "timeZone", "time_zone", "city", "country", "location",
    "page", "screen", "consent", "sessionId", "session_id", "ip", "userAgent", "userAgentData", "traits", "library",
})
# fmt: on
_MOBILE = re.compile(r"Mobi|iPhone|Android.+Mobile", re.I)
_TABLET = re.compile(r"iPad|Tablet|Android", re.I)
_MAX_TEXT_CHARACTERS = 256


def read_context(context: dict[str, Any], *, crawled: bool = False) -> dict[str, Any]:
    """The contract's context fields, those that are known; what is not text is passed over.

    `crawled`: the request's own user agent is a crawler's.
    """
    read: dict[str, Any] = {}
    agent = context.get("userAgent")
    if crawled or (type(agent) is str and is_bot(agent)):
        read["bot"] = True
    location = _object(context.get("location"))
    for name, value in (
        ("device", _device(context)),
        ("network", _network(context.get("network"))),
        ("viewport", _viewport(context)),
        ("locale", context.get("locale")),
        ("time_zone", context.get("timezone") or context.get("timeZone") or context.get("time_zone")),
        ("city", context.get("city") or location.get("city")),
        ("country", context.get("country") or location.get("country")),
    ):
        if type(value) is str and value:
            read[name] = clean_text(value)[:_MAX_TEXT_CHARACTERS]
    return read


def other_context(context: dict[str, Any]) -> dict[str, Any]:
    """What the contract's context has no field for, stripped; kept in the event's properties. Raises TooDeep."""
    others = {name: value for name, value in context.items() if name not in _TAKEN}
    title = _object(context.get("page")).get("title")
    if type(title) is str and title:
        others["page_title"] = title
    return strip_properties(others) if others else others


def _object(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _device(context: dict[str, Any]) -> Any:
    device = context.get("device")
    if type(device) is dict:
        device = device.get("type")
    if device is None:
        agent = context.get("userAgent")
        return device_class(agent) if type(agent) is str and len(agent) < 1024 else None
    return device


@lru_cache(maxsize=1024)
def device_class(user_agent: str) -> str:
    """`phone`, `tablet` or `desktop`: all that is kept of a browser's name."""
    if _MOBILE.search(user_agent) is not None and "iPad" not in user_agent:
        return "phone"
    return "tablet" if _TABLET.search(user_agent) is not None else "desktop"


def _network(network: Any) -> Any:
    if type(network) is not dict:
        return network
    if type(network.get("effectiveType")) is str:
        return network["effectiveType"]
    kinds = [kind for kind in ("wifi", "cellular", "bluetooth") if network.get(kind) is True]
    return kinds[0] if kinds else None


def _viewport(context: dict[str, Any]) -> Any:
    viewport = context.get("viewport")
    if viewport is not None:
        return viewport
    screen = _object(context.get("screen"))
    width, height = screen.get("width"), screen.get("height")
    return f"{width}x{height}" if type(width) is int and type(height) is int else None
