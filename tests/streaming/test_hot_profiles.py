"""A bot that makes a third of the traffic: sampled, marked, kept from training, and nobody else's concern."""

from __future__ import annotations

from datetime import timedelta
from math import sqrt
from typing import Any

import pytest

from contracts.event import Event, EventType
from contracts.lake import EVENTS, USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.evaluate import evaluate
from features.state import decode_state
from tests.features.oracle import Oracle, agree
from tests.streaming.filling import drain
from tests.streaming.support import START, by_profile, instant_us, make_events, run_in_process, send, stored_state
from training.labels import read_bots, read_labels

LIMIT = 100
BOT = "the-bot"


def _bot_events(count: int) -> list[Event]:
    """One every 80 ms, all within one bucket of five minutes, and purchases among them."""
    return [
        Event(
            message_id=f"bot-{number}",
            anonymous_id=BOT,
            type=EventType.PURCHASE if number % 500 == 250 else EventType.CLICK,
            timestamp=START + timedelta(milliseconds=80 * number),
            item_id=f"item-{number % 45}",
            price=1.0,
        )
        for number in range(count)
    ]


@pytest.fixture
def worked(settings: Settings, store: Any) -> tuple[Settings, list[Event], list[Event], Any]:
    """Settings, the people's events, the bot's, and the worker that folded both."""
    people = make_events(7_000, visitors=150, seed=92, step_s=0.04)
    bot = _bot_events(3_000)
    own = settings.model_copy(update={"worker": settings.worker.model_copy(update={"sample_above": LIMIT})})
    send(own, sorted([*people, *bot], key=lambda event: event.timestamp))
    return own, people, bot, run_in_process(own, store)


def test_bot_is_sampled_within_its_bound_and_all_others_are_exact(
    worked: tuple[Settings, list[Event], list[Event], Any],
) -> None:
    settings, people, bot, worker = worked
    at = START + timedelta(minutes=10)
    for profile_id, lived in by_profile(people).items():
        busiest = max(sum(event.type is kind for event in lived) for kind in EventType)
        if busiest <= LIMIT:
            state = decode_state(stored_state(settings, profile_id) or b"")
            agree(evaluate(state, instant_us(at)), Oracle.of(lived).values(at))
    payload = stored_state(settings, BOT) or b""
    values = evaluate(decode_state(payload), instant_us(at))
    clicks = sum(event.type is EventType.CLICK for event in bot)
    assert abs(values["click_1h"] - clicks) < 4 * clicks * sqrt(2 / LIMIT)
    assert values["purchase_1h"] == len(bot) - clicks
    sampled = worker.metrics.events.labels("sampled")._value.get()
    assert sampled > clicks / 2
    others = [len(stored_state(settings, profile_id) or b"") for profile_id in by_profile(people)]
    assert len(payload) < 2 * max(others)


def test_bot_is_in_the_lake_and_in_no_training_set(worked: tuple[Settings, list[Event], list[Event], Any]) -> None:
    settings, people, bot, worker = worked
    drain(settings)
    rows = open_table(settings, EVENTS).scan(selected_fields=("profile_id",)).to_arrow()["profile_id"].to_pylist()
    assert rows.count(BOT) == len(bot)
    assert read_bots(settings) == {BOT}
    assert decode_state(stored_state(settings, BOT) or b"").bot != 0
    history = open_table(settings, USER_BEHAVIOR).scan(row_filter=f"user_id == '{BOT}'").to_arrow()
    assert not history.sort_by("event_timestamp")["training"].to_pylist()[-1]
    learned = {moment.user_id for moment in read_labels(settings).moments}
    assert BOT not in learned
    assert learned == {event.profile_id for event in people if event.type is EventType.PURCHASE}
    assert worker.metrics.bots._value.get() > 0
