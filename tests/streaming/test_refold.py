"""Profiles folded anew from their events: what spoils the fold is left out, what came twice counts once."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.event import Event
from features.state import encode_state
from streaming import folding
from streaming.refold import Folding, refold
from tests.streaming.support import make_events, plainly_folded


def test_event_that_the_fold_chokes_on_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    good = make_events(40, visitors=2, seed=78)
    marked = good[13].message_id
    real: Any = vars(folding)["fold"]

    def choking(state: Any, event: Event, **options: Any) -> Any:
        outcome = real(state, event, **options)
        if event.message_id == marked:
            raise ValueError("spoilt after it was altered")
        return outcome

    monkeypatch.setattr(folding, "fold", choking)
    left = refold([event for event in good if event.profile_id == good[13].profile_id], Folding())
    assert len(left.poisoned) == 1
    lived = [event for event in good if event.profile_id == good[13].profile_id and event.message_id != marked]
    assert left.writes[good[13].profile_id] == encode_state(plainly_folded(lived))


def test_event_refused_and_replayed_is_in_the_lake_twice_and_counts_once() -> None:
    events = make_events(200, visitors=1, seed=80)
    again = [*events, events[3]]
    left = refold(again, Folding())
    assert left.outcomes["duplicate"] == 1, "though the state remembers fewer messages than came between"
    assert left.writes[events[0].profile_id] == encode_state(plainly_folded(events))
