"""The purchases reach Kafka; an interrupted load goes on where it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from contracts.event import Event
from contracts.settings import Settings
from contracts.topics import Topics
from features.state import decode_state
from privacy.pseudonym import Pseudonymizer
from stack.environment import server_variables
from stack.ports import answers, free_port
from streaming import load
from streaming.history import purchase_events, read_purchases
from tests.streaming.support import read_topic, run_in_process, stored_state, until

COUNT = 6_000


@pytest.fixture
def collecting(settings: Settings) -> Iterator[Settings]:
    """Settings whose collector runs."""
    port = free_port()
    environment = {
        **os.environ,
        **server_variables(settings),
        "CLICKLOOP_COLLECTOR_PORT": str(port),
        "CLICKLOOP_SECRETS_PSEUDONYM_KEY": settings.secrets.pseudonym_key.get_secret_value(),
        "CLICKLOOP_SECRETS_WRITE_KEY": settings.secrets.write_key.get_secret_value(),
    }
    with (settings.home / "collector.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "collector"], cwd=settings.project, env=environment, stderr=log
        )
    until(lambda: answers(port), what="the collector")
    yield settings.model_copy(update={"collector": settings.collector.model_copy(update={"port": port})})
    process.terminate()
    process.wait(30)


def test_interrupted_load_sends_every_purchase_once_and_as_the_backfill_makes_it(
    collecting: Settings, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "read_purchases", lambda settings, now: read_purchases(settings, now).slice(0, COUNT))

    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
        load.load_purchases(collecting, interrupt)
    rest = load.load_purchases(collecting)
    assert 0 < rest.before < COUNT
    assert rest.before + rest.sent == COUNT
    assert load.load_purchases(collecting).sent == 0
    records = read_topic(collecting, Topics(collecting.kafka.topic_prefix).events)
    found = [msgspec.json.decode(record.value, type=Event) for record in records]
    journal = load.Journal(collecting.home / "load.json")
    pseudonymizer = Pseudonymizer(collecting.secrets.pseudonym_key.get_secret_value())
    wanted = list(purchase_events(read_purchases(collecting, journal.now).slice(0, COUNT), pseudonymizer))
    assert set(Counter(event.message_id for event in wanted)) == {event.message_id for event in found}
    # What was on its way at the interruption comes again, and is told by its message ids.
    run_in_process(collecting, store)
    profiles = {event.profile_id for event in wanted}
    states = [decode_state(stored_state(collecting, profile) or b"") for profile in profiles]
    assert sum(state.version for state in states) == COUNT
    assert {_said(event) for event in found} == {_said(event) for event in wanted}


def _said(event: Event) -> Any:
    """All that the fold reads."""
    return (
        event.message_id,
        event.profile_id,
        event.type,
        event.timestamp,
        event.item_id,
        event.quantity,
        event.price,
        event.properties.get("category"),
        event.context.country,
    )
