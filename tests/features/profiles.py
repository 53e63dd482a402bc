"""Profiles folded from whole streams, with the facts of the made-up catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from contracts.event import Event
from features.fold import fold
from features.state import UserState, new_state
from tests.features.streams import facts_of

MONTH = timedelta(days=30)


def folded(
    arrivals: Iterable[Event], *, weights: Mapping[str, int] | None = None, lateness: timedelta = MONTH
) -> UserState:
    """The state after the events, in this order."""
    state = new_state()
    for event in arrivals:
        weight = (weights or {}).get(event.message_id, 1)
        limit_us = lateness // timedelta(microseconds=1)
        fold(state, event, facts=facts_of(event.item_id), weight=weight, lateness_us=limit_us)
    return state
