"""Stream, backfill and Feast's historical join give the same values of the same events, to the last bit."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from contracts.lake import EVENTS, USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.evaluate import evaluate
from features.state import decode_state
from stack.topics import create_topics
from streaming.backfill import StatesExist, backfill
from streaming.history import read_purchases, shift
from streaming.lake import open_sink
from tests.conftest import make_settings
from tests.streaming.conftest import applied
from tests.streaming.support import (
    by_profile,
    caught_up,
    check_everything,
    end_offsets,
    instant_us,
    make_events,
    online_row,
    plainly_folded,
    run_in_process,
    send,
    stored_state,
)


def test_stream_backfill_and_historical_join_agree_to_the_last_bit(
    settings: Settings, store: Any, tmp_path: Path
) -> None:
    events = make_events(1_500, visitors=40, seed=41)
    send(settings, events)
    run_in_process(settings, store)
    sink = open_sink(settings)
    topic = f"{settings.kafka.topic_prefix}features"
    while any(sink.position(topic, number) < end for number, end in end_offsets(settings, topic).items()):
        sink.step()
    sink.flush()
    sink.close()
    other = make_settings(tmp_path / "other", bootstrap=settings.kafka.bootstrap, redis_url=settings.redis.url)
    other.home.mkdir()
    create_topics(other)
    other_store = applied(other)
    written = backfill(other, events, store=other_store)
    assert (written.events, written.profiles) == (1_500, len(by_profile(events)))
    for profile_id in by_profile(events):
        assert stored_state(settings, profile_id) == stored_state(other, profile_id)
        streamed, filled = online_row(store, profile_id), online_row(other_store, profile_id)
        assert (streamed["state"], streamed["version"]) == (filled["state"], filled["version"])
    moments = [event.timestamp + timedelta(milliseconds=1) for event in events[200::100]]
    people = [event.profile_id for event in events[200::100]]
    one, two = (_joined(each, people, moments) for each in (store, other_store))
    assert one == two
    assert len(one) == len(people)
    assert any(state is not None for state in one.values())
    for (_, moment_us), state in one.items():
        assert state is None or decode_state(state).row_us <= moment_us


def _joined(store: Any, people: list[str], moments: list[datetime]) -> dict[tuple[str, int], bytes | None]:
    """State by profile and microsecond."""
    labels = pd.DataFrame({"user_id": people, "event_timestamp": moments})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = store.get_historical_features(labels, ["user_behavior:state"])
        rows = job.to_df().to_dict("records")
    return {
        (row["user_id"], instant_us(row["event_timestamp"].to_pydatetime())): row["state"] and bytes(row["state"])
        for row in rows
    }


def test_backfilled_states_are_plain_folds_and_the_worker_goes_on_from_them(settings: Settings, store: Any) -> None:
    events = make_events(1_200, visitors=30, seed=42)
    backfill(settings, events[:800], store=store)
    assert len(open_table(settings, EVENTS).scan().to_arrow()) == 800
    for profile_id, lived in by_profile(events[:800]).items():
        state = stored_state(settings, profile_id)
        assert state is not None
        at_us = instant_us(events[-1].timestamp + timedelta(hours=1))
        assert evaluate(decode_state(state), at_us) == evaluate(plainly_folded(lived), at_us)
    send(settings, events[800:])
    run_in_process(settings, store)
    assert caught_up(settings)
    for profile_id, lived in by_profile(events).items():
        state = stored_state(settings, profile_id)
        assert state is not None
        assert decode_state(state) == plainly_folded(lived)
        assert online_row(store, profile_id)["state"] == state


def test_backfill_over_states_is_refused_unless_they_are_to_be_replaced(settings: Settings, store: Any) -> None:
    streamed = make_events(300, visitors=10, seed=43)
    send(settings, streamed)
    run_in_process(settings, store)
    filled = make_events(400, visitors=12, seed=44)
    with pytest.raises(StatesExist, match="--replace"):
        backfill(settings, filled, store=store)
    check_everything(settings, store, streamed)
    for _ in range(2):
        backfill(settings, filled, store=store, replace=True)
    assert stored_state(settings, streamed[0].profile_id) is None
    assert online_row(store, streamed[0].profile_id)["state"] is None
    for profile_id, lived in by_profile(filled).items():
        row = online_row(store, profile_id)
        assert decode_state(row["state"]) == plainly_folded(lived)
    assert len(open_table(settings, EVENTS).scan().to_arrow()) == len(filled)
    rows = open_table(settings, USER_BEHAVIOR).scan().to_arrow()
    assert len(rows) == len({(row["user_id"], row["event_timestamp"]) for row in rows.to_pylist()})
    assert caught_up(settings), "the offsets kept their value"


def test_purchases_end_on_the_last_full_day_and_keep_their_time_of_day(settings: Settings) -> None:
    now = datetime(2027, 3, 5, 13, tzinfo=UTC)
    table = read_purchases(settings, now)
    stamps = table["timestamp"].to_pylist()
    assert stamps == sorted(stamps)
    assert stamps[-1].date() == datetime(2027, 3, 4, tzinfo=UTC).date()
    assert shift(datetime(2010, 12, 9, 20, 1, tzinfo=UTC), now) % timedelta(days=1) == timedelta(0)
