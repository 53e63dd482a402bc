"""Visitors who log in: streams of theirs, and what must be left of each person."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from contracts.event import Event, EventType
from contracts.settings import Settings
from features.evaluate import evaluate
from features.state import decode_state
from tests.features.oracle import Oracle, agree
from tests.streaming.support import instant_us, online_row, stored_state


def people_who_log_in(events: list[Event], users: int) -> list[Event]:
    """The same events with logins strewn in: each visitor becomes a user sooner or later, some more than once."""
    made = []
    for number, event in enumerate(events):
        made.append(event)
        if number % 40 == 17 or number >= len(events) - 1:
            visitor = str(event.anonymous_id)
            made.append(
                Event(
                    message_id=f"login-{number}",
                    anonymous_id=visitor,
                    user_id=f"user-{int(visitor.rsplit('-', 1)[1]) % users}",
                    type=EventType.IDENTIFY,
                    timestamp=event.timestamp + timedelta(milliseconds=5),
                )
            )
    return made


def owners(events: list[Event]) -> dict[str, str]:
    """Whom each visitor has become in the end."""
    return {str(event.anonymous_id): event.user_id for event in events if event.user_id is not None}


def check_people(settings: Settings, store: Any, events: list[Event]) -> None:
    """Each person's state is the recount of all that is the person's; visitors who became one have none."""
    owner = owners(events)
    lived: dict[str, list[Event]] = {}
    for event in events:
        profile = event.profile_id
        lived.setdefault(owner.get(profile, profile), []).append(event)
    at = max(event.timestamp for event in events) + timedelta(minutes=3)
    for person, own in lived.items():
        payload = stored_state(settings, person)
        assert payload is not None, f"no state of {person}"
        agree(evaluate(decode_state(payload), instant_us(at)), Oracle.of(own).values(at))
        assert online_row(store, person)["state"] == payload, f"the row of {person} is not its state"
    for visitor in owner:
        payload = online_row(store, visitor)["state"]
        assert not payload or decode_state(payload).version == 0, f"{visitor} still has events of its own"


class Watch:
    """Reads visitors' rows all the time, as the service does, and notes each that is older than the one before."""

    def __init__(self, settings: Settings, people: list[str]) -> None:
        from feature_repo.store import open_store

        self._store = open_store(settings)
        self._people = people
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.reads = 0
        self.worse: list[str] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _read(self) -> None:
        newest: dict[str, int] = {}
        while not self._stopping.is_set():
            for person in self._people:
                payload = online_row(self._store, person)["state"]
                version = decode_state(payload).version if payload else 0
                if version < newest.get(person, 0):
                    self.worse.append(f"{person}: {version} events after {newest[person]}")
                newest[person] = version
                self.reads += 1
