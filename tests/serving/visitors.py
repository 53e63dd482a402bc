"""Visitors with a past: events folded into states, and the states written to Feast."""

from __future__ import annotations

import time
from typing import Any

from contracts.event import Context, Event, EventType
from contracts.settings import Settings
from contracts.snapshot import Snapshot
from features.fold import fold
from features.instant import from_us
from features.state import UserState, encode_state, new_state
from privacy.pseudonym import Pseudonymizer
from streaming.feature_rows import FeatureRows


def now_us() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Visitors:
    """Sends visitors' events straight to Feast's online store, as the worker would."""

    def __init__(self, settings: Settings, store: Any) -> None:
        self._pseudonymizer = Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value())
        self._rows = FeatureRows(store)
        self._states: dict[str, UserState] = {}

    def profile(self, anonymous_id: str) -> str:
        """The visitor's pseudonym."""
        return self._pseudonymizer.anonymous(anonymous_id)

    def state(self, anonymous_id: str) -> UserState:
        """The visitor's state so far."""
        return self._states[self.profile(anonymous_id)]

    def act(
        self, anonymous_id: str, kind: EventType, item_id: str | None = None, *, age_s: float = 0.0, country: str = ""
    ) -> UserState:
        """Fold one event of `age_s` seconds ago and write the row."""
        profile = self.profile(anonymous_id)
        state = self._states.setdefault(profile, new_state())
        event = Event(
            message_id=f"{anonymous_id}-{state.version}",
            anonymous_id=profile,
            type=kind,
            timestamp=from_us(now_us() - int(age_s * 1e6)),
            item_id=item_id,
            quantity=1,
            price=2.5,
            properties={"category": "kitchen"},
            context=Context(country=country or None),
        )
        fold(state, event)
        self.write(anonymous_id, encode_state(state))
        return state

    def write(self, anonymous_id: str, payload: bytes) -> None:
        """Write a row with this as its state."""
        profile = self.profile(anonymous_id)
        state = self._states.setdefault(profile, new_state())
        row_us = max(state.row_us, now_us())
        self._rows.write_behavior(
            [
                Snapshot(
                    profile_id=profile,
                    partition=0,
                    offset=state.version,
                    event_us=state.event_us,
                    row_us=row_us,
                    version=state.version,
                    training=state.training,
                    state=payload,
                )
            ]
        )
