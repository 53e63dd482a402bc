"""What Spark left, held against a plain fold of the same events."""

from __future__ import annotations

import math
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from contracts.event import Event
from contracts.lake import USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.evaluate import evaluate
from features.fold import fold
from features.instant import to_us
from features.state import UserState, decode_state, encode_state, new_state
from stack.spark_driver import spark_environment, spark_python
from stack.spark_join import NUMBER, SERVICE, joined

LABELS = 400
READ_AT_ONCE = 500
_JOIN_TIMEOUT_S = 900


@dataclass(frozen=True)
class Check:
    """One comparison: how many were held against each other, and the first that differ."""

    name: str
    compared: int
    differing: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether there was something to compare and all of it was equal."""
        return self.compared > 0 and not self.differing


def people(events: Iterable[Event]) -> dict[str, str]:
    """Each profile's person: itself, or the user whom a login says it is."""
    return {event.anonymous_id: event.user_id for event in events if event.anonymous_id and event.user_id}


def plainly(events: Sequence[Event]) -> dict[str, UserState]:
    """The events folded one after another, each into its person."""
    person = people(events)
    states: dict[str, UserState] = defaultdict(new_state)
    for event in events:
        fold(states[person.get(event.profile_id, event.profile_id)], event)
    return dict(states)


def online_states(store: Any, profiles: Sequence[str]) -> dict[str, bytes | None]:
    """What Feast serves of the profiles."""
    found: dict[str, bytes | None] = {}
    for start in range(0, len(profiles), READ_AT_ONCE):
        some = list(profiles[start : start + READ_AT_ONCE])
        answer = store.get_online_features([f"{USER_BEHAVIOR}:state"], [{"user_id": one} for one in some])
        found.update(zip(some, answer.to_dict()["state"], strict=True))
    return found


def check_states(store: Any, events: Sequence[Event]) -> list[Check]:
    """Online rows against the plain fold: to the bit for a visitor, value by value for a merged user."""
    expected, merged = plainly(events), set(people(events).values())
    online = online_states(store, sorted(expected))
    alone = [name for name in expected if name not in merged]
    bits = [name for name in alone if online[name] != encode_state(expected[name])]
    values = [name for name in sorted(merged) if not _same_values(online[name], expected[name])]
    return [
        Check("visitors' online states, to the bit", len(alone), bits),
        Check("merged users' online features", len(merged), values),
    ]


def _same_values(payload: bytes | None, expected: UserState) -> bool:
    if payload is None:
        return False
    at_us = expected.event_us + 60_000_000
    came, wanted = evaluate(decode_state(payload), at_us), evaluate(expected, at_us)
    # How often a merged state has changed counts the merge's own steps too.
    return all(_same(came[name], wanted[name]) for name in wanted if name != "events_total")


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    return bool(one == two)


def check_history(settings: Settings, store: Any, events: Sequence[Event]) -> list[Check]:
    """The lake's rows: each state once, and the newest of each profile what Feast serves."""
    rows = open_table(settings, USER_BEHAVIOR).scan().to_arrow().to_pylist()
    seen = Counter((row["user_id"], row["event_timestamp"]) for row in rows)
    twice = [f"{name} at {at}" for (name, at), number in seen.items() if number > 1]
    person = people(events)
    counted = Counter(row["user_id"] for row in rows)
    expected = {name: state.version for name, state in plainly(events).items() if name not in person.values()}
    lost = [f"{name}: {counted[name]} of {number}" for name, number in expected.items() if counted[name] != number]
    newest = {row["user_id"]: row["state"] for row in sorted(rows, key=lambda row: row["event_timestamp"])}
    online = online_states(store, sorted(newest))
    return [
        Check("rows of history, none twice", len(rows), twice),
        Check("visitors' rows of history, one an event", len(expected), lost),
        Check("newest row of history is the online row", len(newest), [n for n in newest if online[n] != newest[n]]),
    ]


def check_join(settings: Settings, store: Any, events: Sequence[Event]) -> list[Check]:
    """Spark's historical join against the local store's, then its materialization against the rows it replaces."""
    labels = make_labels(events)
    before = online_states(store, sorted(plainly(events)))
    store.provider.online_store.delete_table(store.config, store.get_feature_view(USER_BEHAVIOR))
    source, target = settings.home / "labels.parquet", settings.home / "joined.parquet"
    labels.to_parquet(source)
    _run_spark_join(settings, source, target)
    local, spark = joined(store, labels), pd.read_parquet(target)
    names = [column for column in local.columns if column not in labels.columns]
    differing = [
        f"label {row[NUMBER]}, {name}: {row[name]} here, {other[name]} by Spark"
        for row, other in zip(local.to_dict("records"), spark.to_dict("records"), strict=True)
        for name in names
        if not _same(_plain(row[name]), _plain(other[name]))
    ]
    after = online_states(store, sorted(before))
    return [
        Check(f"values of {SERVICE} by historical join", len(local) * len(names), differing),
        Check("rows materialized by Spark", len(before), [name for name in before if after[name] != before[name]]),
    ]


def make_labels(events: Sequence[Event]) -> pd.DataFrame:
    """A label at every so many events, a microsecond before, and for one nobody knows."""
    some = [event for event in events if event.user_id is None][:: max(1, len(events) // LABELS)]
    rows = [(event.profile_id, to_us(event.timestamp) - 1) for event in some]
    rows.append(("nobody", to_us(events[-1].timestamp)))
    return pd.DataFrame(
        {
            "user_id": [name for name, _ in rows],
            "event_timestamp": pd.to_datetime([at for _, at in rows], unit="us", utc=True),
            "at_us": [at for _, at in rows],
            "request_device": "",
            "request_country": "",
            NUMBER: range(len(rows)),
        }
    )


def _run_spark_join(settings: Settings, source: Path, target: Path) -> None:
    log = settings.home / "logs" / "spark-join.log"
    command = [str(spark_python(settings.project)), "-m", "stack.spark_join", str(source), str(target), "--materialize"]
    with log.open("wb") as output:
        subprocess.run(
            command,
            cwd=settings.home,
            env={**_inherited(), **spark_environment(settings)},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_JOIN_TIMEOUT_S,
            check=True,
        )


def _inherited() -> dict[str, str]:
    import os

    return dict(os.environ)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
