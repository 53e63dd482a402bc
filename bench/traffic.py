"""Made-up traffic for benchmarks: visitors by Zipf's law who look, click and buy."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from contracts.event import Context, Event, EventType

_KINDS = (
    (EventType.PAGE_VIEW, 25),
    (EventType.ITEM_VIEW, 30),
    (EventType.IMPRESSION, 20),
    (EventType.CLICK, 15),
    (EventType.ADD_TO_CART, 6),
    (EventType.PURCHASE, 4),
)
_CONTEXT = Context(device="mobile", locale="en-GB", time_zone="Europe/London", country="United Kingdom")


def zipf_events(*, count: int, users: int, seed: int, exponent: float = 1.0, span_s: float = 3600.0) -> Iterator[Event]:
    """`count` events in time order over the `span_s` seconds before now; user n weighs n ** -exponent."""
    chance = random.Random(seed)
    weights = list(accumulate((n + 1) ** -exponent for n in range(users)))
    people = chance.choices(range(users), cum_weights=weights, k=count)
    kinds = chance.choices([kind for kind, _ in _KINDS], [weight for _, weight in _KINDS], k=count)
    begin = datetime.now(UTC) - timedelta(seconds=span_s)
    for number, (person, kind) in enumerate(zip(people, kinds, strict=True)):
        item = chance.randrange(4000)
        yield Event(
            message_id=f"m-{seed}-{number}",
            anonymous_id=f"visitor-{person:08d}",
            session_id=f"session-{person}",
            type=kind,
            timestamp=begin + timedelta(seconds=span_s * number / count),
            received_at=begin + timedelta(seconds=span_s * number / count),
            item_id=None if kind is EventType.PAGE_VIEW else f"item-{item}",
            price=None if kind is EventType.PAGE_VIEW else 0.5 + item % 90,
            page_url=f"/items/{item}",
            context=_CONTEXT,
            properties={"category": f"category-{item % 20}"},
        )
