"""Feast's own command line and calls over the definitions, on a real Redis and a real lake."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from contracts.event import Event, EventType
from contracts.lake import SCHEMAS, USER_BEHAVIOR, open_table
from contracts.settings import RedisSettings, Settings
from feature_repo.store import apply, connection_string, open_store, write_config
from features.evaluate import evaluate
from features.fold import fold
from features.instant import from_us, to_us
from features.state import decode_state, encode_state, new_state
from features.values import FEATURES
from stack.environment import server_variables
from stack.redis_server import RedisServer

PROJECT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path, redis_server: RedisServer) -> Settings:
    """Settings with a home of the test's own; Kafka has no part here."""
    home = tmp_path / "home"
    home.mkdir()
    return Settings(home=home, redis=RedisSettings(url=redis_server.url, key_prefix=f"{tmp_path.name}-{os.getpid()}-"))


def purchase(number: int, at: datetime, *, training: bool = True, user: str = "ada") -> Event:
    event = Event(
        message_id=f"{user}-{number}",
        user_id=user,
        type=EventType.PURCHASE,
        timestamp=at,
        item_id=f"item-{number}",
        price=2.5,
        properties={"category": "Candles"},
    )
    if not training:
        event.consent = type(event.consent)(training=False)
    return event


def history(events: Sequence[Event]) -> list[dict[str, Any]]:
    """One snapshot an event, in order of arrival, as the lake holds them."""
    state, rows = new_state(), []
    for offset, event in enumerate(events):
        fold(state, event)
        rows.append(
            {
                "user_id": event.profile_id,
                "event_timestamp": from_us(state.row_us),
                "created": from_us(state.row_us),
                "event_time": from_us(state.event_us),
                "version": state.version,
                "event_us": state.event_us,
                "partition": 0,
                "offset": offset,
                "training": state.training,
                "state": encode_state(state),
            }
        )
    return rows


def keep(settings: Settings, rows: list[dict[str, Any]]) -> None:
    open_table(settings, USER_BEHAVIOR).append(pa.Table.from_pylist(rows, schema=SCHEMAS[USER_BEHAVIOR]))


def before(settings: Settings, instants: Sequence[datetime], user: str = "ada") -> list[dict[str, Any]]:
    """The values that training sees for labels at these instants."""
    from training.dataset import join_features

    at_us = [to_us(at) for at in instants]
    return join_features(open_store(settings), "two_tower_v1", [user] * len(instants), at_us)


def test_a_labels_own_invoice_never_shows_in_its_features(lake: Settings) -> None:
    # Three lines share one instant, as an invoice's do; their rows lie at +0, +1 and +2 microseconds.
    earlier, later = purchase(0, NOON - timedelta(days=1)), [purchase(number, NOON) for number in (1, 2, 3)]
    apply(lake)
    keep(lake, history([earlier, *later]))
    values = before(lake, [NOON])[0]
    assert values["recent_items"] == ["item-0"]
    assert values["recent_ages_s"] == [86_400.0]
    assert values["bought_items"] == ["item-0"]
    after = before(lake, [NOON + timedelta(hours=1)])[0]
    assert sorted(after["bought_items"]) == ["item-0", "item-1", "item-2", "item-3"]


def test_an_event_that_arrived_late_stays_out_of_labels_before_it(lake: Settings) -> None:
    # The order of arrival is noon, then an hour before noon: the second row carries both.
    late = NOON - timedelta(hours=1)
    apply(lake)
    keep(lake, history([purchase(0, NOON - timedelta(days=1)), purchase(1, NOON), purchase(2, late)]))
    at_late, at_noon = before(lake, [late, NOON])
    assert at_late["recent_items"] == ["item-0"]
    assert at_noon["recent_items"] == ["item-0"]


def test_historical_values_are_evaluates_own_at_the_labels_instant(lake: Settings) -> None:
    events = [purchase(number, NOON + timedelta(hours=number)) for number in range(5)]
    apply(lake)
    rows = history(events)
    keep(lake, rows)
    at = NOON + timedelta(hours=3, minutes=20)
    expected = evaluate(decode_state(rows[3]["state"]), to_us(at))
    came = before(lake, [at])[0]
    assert {spec.name: came[spec.name] for spec in FEATURES} == expected


def test_a_visitor_nothing_is_known_of_has_an_empty_states_values(lake: Settings) -> None:
    apply(lake)
    keep(lake, history([purchase(0, NOON)]))
    came = before(lake, [NOON + timedelta(days=1)], user="nobody")[0]
    assert {spec.name: came[spec.name] for spec in FEATURES} == evaluate(new_state(), to_us(NOON))
    assert came["training_allowed"] is True


def test_withheld_training_consent_is_told(lake: Settings) -> None:
    apply(lake)
    keep(lake, history([purchase(0, NOON), purchase(1, NOON + timedelta(hours=1), training=False)]))
    allowed, withheld = before(lake, [NOON + timedelta(minutes=30), NOON + timedelta(hours=2)])
    assert (allowed["training_allowed"], withheld["training_allowed"]) == (True, False)


def feast(settings: Settings, *arguments: str) -> str:
    """Run Feast's command line in the feature repository."""
    environment = os.environ | {
        **server_variables(settings),
        "PYTHONPATH": str(PROJECT),
        "FEAST_FS_YAML_FILE_PATH": str(write_config(settings)),
    }
    command = [str(Path(sys.executable).parent / "feast"), *arguments]
    done = subprocess.run(
        command, cwd=PROJECT / "feature_repo", env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_feasts_command_line_applies_and_materializes(lake: Settings) -> None:
    events = [purchase(number, NOON + timedelta(hours=number)) for number in range(3)]
    rows = history(events)
    keep(lake, rows)
    feast(lake, "apply")
    feast(lake, "materialize", (NOON - timedelta(days=1)).isoformat(), (NOON + timedelta(days=1)).isoformat())
    at = NOON + timedelta(hours=5)
    store = open_store(lake)
    context = {"at_us": to_us(at), "request_device": "", "request_country": ""}
    came = store.get_online_features(
        features=store.get_feature_service("two_tower_v1"), entity_rows=[{"user_id": "ada", **context}]
    ).to_dict()
    expected = evaluate(decode_state(rows[-1]["state"]), to_us(at))
    assert {spec.name: came[spec.name][0] for spec in FEATURES} == expected


def test_two_prefixes_keep_their_online_rows_apart(lake: Settings) -> None:
    other = lake.model_copy(update={"redis": RedisSettings(url=lake.redis.url, key_prefix="other-")})
    assert open_store(lake).project != open_store(other).project


def test_connection_string_carries_password_database_and_timeout() -> None:
    came = connection_string("rediss://:secret@cache.example:7000/3", timeout_s=0.25)
    assert came == ("cache.example:7000,db=3,socket_timeout=0.25,socket_connect_timeout=0.25,ssl=true,password=secret")


def test_connection_string_refuses_another_scheme() -> None:
    with pytest.raises(ValueError, match=r"expected redis://host:port/db, came 'http://x'"):
        connection_string("http://x", timeout_s=1.0)


def test_materialized_row_is_the_newest_snapshot(lake: Settings) -> None:
    rows = history([purchase(number, NOON + timedelta(minutes=number)) for number in range(4)])
    store = apply(lake)
    keep(lake, rows)
    store.materialize(NOON - timedelta(days=1), NOON + timedelta(days=1))
    came = store.get_online_features(features=["user_behavior:state"], entity_rows=[{"user_id": "ada"}]).to_dict()
    (state,) = (decode_state(payload) for payload in came["state"])
    assert state.version == 4
    assert state.event_us == to_us(NOON + timedelta(minutes=3))


def test_a_pushed_row_is_online_and_an_older_one_does_not_replace_it(lake: Settings) -> None:
    rows = history([purchase(number, NOON + timedelta(minutes=number)) for number in range(3)])
    store = apply(lake)
    for row in (rows[2], rows[0]):
        frame = pd.DataFrame([{"user_id": "ada", "state": row["state"], "event_timestamp": row["event_timestamp"]}])
        frame["created"] = frame["event_timestamp"]
        store.push("push_user_behavior", frame)
    came = store.get_online_features(features=["user_behavior:state"], entity_rows=[{"user_id": "ada"}]).to_dict()
    assert came["state"] == [rows[2]["state"]]
