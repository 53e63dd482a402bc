"""Hypothesis strategies for one profile's events: clustered in time, few items, all types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from contracts.event import Consent, Context, Event, EventType

# Begins in a leap year's February and runs over the European change to summer time.
START = datetime(2028, 2, 27, tzinfo=UTC)
CART = [EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.PURCHASE]
# The cart's types come more often, or ties between them would be rare.
TYPES = sorted(set(EventType) - {EventType.CONSENT}) + 3 * CART


@st.composite
def instants(draw: st.DrawFn, *, days: int) -> datetime:
    """Times on a coarse grid, so that ties and session borders are common."""
    grid = draw(st.sampled_from([timedelta(days=1), timedelta(hours=1), timedelta(minutes=15), timedelta(seconds=7)]))
    return START + grid * draw(st.integers(0, timedelta(days=days) // grid))


@st.composite
def events(draw: st.DrawFn, *, days: int, consents: bool = False) -> Event:
    price = draw(st.sampled_from([None, 0.0, 0.42, 4.25, 99.0]))
    category = draw(st.sampled_from([None, "bags", "cards", "toys"]))
    return Event(
        message_id="",
        anonymous_id="visitor",
        type=draw(st.sampled_from(TYPES)),
        timestamp=draw(instants(days=days)),
        item_id=draw(st.sampled_from([None, "a", "b", "c", "d"])),
        quantity=draw(st.sampled_from([None, 1, 7])),
        price=price,
        properties={} if category is None else {"category": category},
        context=Context(country=draw(st.sampled_from([None, "FR", "GB"]))),
        consent=Consent(personalization=draw(st.booleans()) if consents else True),
    )


@st.composite
def streams(draw: st.DrawFn, *, days: int, most: int, consents: bool = False) -> list[Event]:
    """Events with message ids of their own, in the order of their making."""
    made = draw(st.lists(events(days=days, consents=consents), max_size=most))
    for number, event in enumerate(made):
        event.message_id = f"m{number}"
    return made
