"""Hypothesis strategies for one profile's events: clustered in time, few items, all types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from contracts.event import Consent, Context, Event, EventType
from features.facts import ItemFacts
from tests.features.oracle import Fact

# Begins in a leap year's February and runs over the European change to summer time.
START = datetime(2028, 2, 27, tzinfo=UTC)
CART = [EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.PURCHASE]
# The cart's types come more often, or ties between them would be rare.
TYPES = sorted(set(EventType) - {EventType.CONSENT}) + 3 * CART
# Ids that are numbers and ids that only look so.
ITEMS = ["a", "b", "7", "10", "007", "12345678901234567890", "²", "0"]
FACTS: dict[str, Fact] = {"a": ("lamps", "Ada", 12.5), "7": (None, None, None), "10": ("toys", None, 0.0)}

_GRIDS = [
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=15),
    timedelta(seconds=7),
    timedelta(milliseconds=1, microseconds=1),
]
_PLACES: dict[str, list[Any]] = {
    "category": [None, "bags", "cards", "toys"],
    "brand": [None, None, "Ada", "Bo"],
    "author": [None, None, "Cyd"],
}
_WORDS: dict[EventType, dict[str, list[Any]]] = {
    EventType.SEARCH: {"query": ["red  mug", "Red Mug", "lamp", "tea", "bowl", "a", "b", "", 7]},
    EventType.DWELL: {"seconds": [0.0, 2.5, 600]},
    EventType.IDENTIFY: {
        "country": [None, "IT"],
        "plan": [None, "gold", "basic", 1, True, "1"],
        "gender": [None, "f", "m"],
        "shoe": [None, 38, 38.5],
        "source": ["form", "account", "crm"],
    },
}


def facts_of(item_id: str | None) -> ItemFacts | None:
    """What the catalogue of FACTS says of an item."""
    return ItemFacts(*FACTS[item_id]) if item_id in FACTS else None


@st.composite
def instants(draw: st.DrawFn, *, days: int) -> datetime:
    """Times on a coarse grid, so that ties and session borders are common."""
    grid = draw(st.sampled_from(_GRIDS))
    begin = timedelta(days=draw(st.sampled_from([0, days - 1])))
    return START + begin + grid * draw(st.integers(0, min((timedelta(days=days) - begin) // grid, 5000)))


@st.composite
def events(draw: st.DrawFn, *, days: int, consents: bool = False) -> Event:
    kind = draw(st.sampled_from(TYPES))
    said = {name: draw(st.sampled_from(some)) for name, some in {**_PLACES, **_WORDS.get(kind, {})}.items()}
    if kind is EventType.IDENTIFY:
        said = {name: value for name, value in said.items() if name not in _PLACES}
    return Event(
        message_id="",
        anonymous_id="visitor",
        type=kind,
        timestamp=draw(instants(days=days)),
        item_id=draw(st.sampled_from([None, *ITEMS])),
        quantity=draw(st.sampled_from([None, 1, 7])),
        price=draw(st.sampled_from([None, 0.0, 0.42, 1.28, 4.25, 99.0])),
        properties={name: value for name, value in said.items() if value is not None},
        context=Context(
            country=draw(st.sampled_from([None, "FR", "GB"])),
            device=draw(st.sampled_from([None, None, "mobile", "desktop"])),
            time_zone=draw(st.sampled_from([None, "Europe/Paris"])),
            bot=draw(st.sampled_from([*[None] * 20, False, True])),
        ),
        consent=Consent(personalization=draw(st.booleans()) if consents else True),
    )


@st.composite
def streams(draw: st.DrawFn, *, days: int, most: int, consents: bool = False) -> list[Event]:
    """Events with message ids of their own, in the order of their making."""
    made = draw(st.lists(events(days=days, consents=consents), max_size=most))
    for number, event in enumerate(made):
        event.message_id = f"m{number}"
    return made
