"""People with two browsers each who log in, and what they have to be in the end."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from contracts.event import Event, EventType
from contracts.settings import Settings
from features.evaluate import evaluate
from features.state import decode_state
from streaming.cells import decode_cell
from tests.features.oracle import Oracle, agree
from tests.streaming.support import instant_us, make_events, online_row, stored_state

PEOPLE = 30


def lives(seed: int) -> tuple[list[Event], dict[str, list[Event]]]:
    """Two browsers a person, each logging in at some moment and going on without saying who; events by user."""
    chance = random.Random(seed)
    events: list[Event] = []
    by_user: dict[str, list[Event]] = {}
    for number, event in enumerate(make_events(2_400, visitors=2 * PEOPLE, seed=seed, step_s=2.0)):
        browser = int(str(event.anonymous_id).rsplit("-", 1)[1])
        user = f"user-{seed}-{browser % PEOPLE}"
        made = [event]
        if chance.random() < 0.05:
            made.append(
                Event(
                    message_id=f"login-{seed}-{number}",
                    anonymous_id=event.anonymous_id,
                    user_id=user,
                    type=EventType.IDENTIFY,
                    timestamp=event.timestamp + timedelta(seconds=1),
                    properties={"plan": "gold"},
                )
            )
        events += made
        by_user.setdefault(user, []).extend(made)
    # Everybody logs in once more at the end, so that no browser is left without an owner.
    end = events[-1].timestamp
    for browser in range(2 * PEOPLE):
        user = f"user-{seed}-{browser % PEOPLE}"
        login = Event(
            message_id=f"last-{seed}-{browser}",
            anonymous_id=f"visitor-{seed}-{browser}",
            user_id=user,
            type=EventType.IDENTIFY,
            timestamp=end + timedelta(seconds=browser),
        )
        events.append(login)
        by_user.setdefault(user, []).append(login)
    return events, by_user


def check_users(settings: Settings, store: Any, by_user: dict[str, list[Event]]) -> None:
    """Each user's state and row are the fold of all their events."""
    at = max(event.timestamp for lived in by_user.values() for event in lived) + timedelta(minutes=5)
    for user, lived in by_user.items():
        payload = stored_state(settings, user)
        assert payload is not None
        agree(evaluate(decode_state(payload), instant_us(at)), Oracle.of(lived).values(at))
        assert online_row(store, user)["state"] == payload


def check_lives(settings: Settings, store: Any, by_user: dict[str, list[Event]]) -> None:
    """Each user is the fold of both browsers' events; the browsers' own profiles are empty."""
    check_users(settings, store, by_user)
    for anonymous in {e.anonymous_id for each in by_user.values() for e in each if e.anonymous_id is not None}:
        tombstone = stored_state(settings, anonymous)
        assert tombstone is not None
        alias = decode_cell(tombstone).alias
        assert alias is not None, f"{anonymous} still has a state of its own"
        assert alias.startswith("user-")
        row = online_row(store, anonymous)
        assert row["version"] == 0, f"the row of {anonymous} still shows {row['version']} events"
        assert decode_state(row["state"]).moved_to == alias, f"the row of {anonymous} does not say where it went"
