"""The as-of join against Feast's own join, on generated rows that meet every awkward case."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

# First, for its package says how Feast is imported.
import feature_repo.store  # noqa: F401

# isort: split
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.repo_config import RepoConfig
from feast.types import Float64, String

FEAST_STORE, OWN_STORE = "duckdb", "feature_repo.asof.AsofDuckDBOfflineStore"
START = datetime(2026, 1, 1, tzinfo=UTC)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    stamp = pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [
            ("user_id", pa.string()),
            ("event_timestamp", stamp),
            ("created", stamp),
            ("clicks", pa.float64()),
            ("label", pa.string()),
        ]
    )
    pa.parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def generated_rows(seed: int, count: int) -> list[dict[str, Any]]:
    """Few users and coarse times, so that equal timestamps are common; `created` then differs, or is the tie's end."""
    chance = random.Random(seed)
    rows = {}
    for number in range(count):
        user, minute, created = f"u{chance.randrange(7)}", chance.randrange(60), chance.randrange(30)
        rows[user, minute, created] = {
            "user_id": user,
            "event_timestamp": START + timedelta(minutes=minute),
            "created": START + timedelta(minutes=minute, seconds=created),
            "clicks": float(number),
            "label": f"row-{number}",
        }
    shuffled = list(rows.values())
    chance.shuffle(shuffled)
    return shuffled


def generated_labels(seed: int, count: int) -> pd.DataFrame:
    chance = random.Random(seed)
    instants = [START + timedelta(seconds=30 * chance.randrange(-4, 160)) for _ in range(count)]
    return pd.DataFrame(
        {
            "user_id": [f"u{chance.randrange(9)}" for _ in range(count)],
            "event_timestamp": pd.to_datetime(instants, utc=True),
            "number": range(count),
        }
    )


def opened_store(folder: Path, offline: str, rows: Path, ttl: timedelta) -> FeatureStore:
    source = FileSource(
        name="rows", path=str(rows), timestamp_field="event_timestamp", created_timestamp_column="created"
    )
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    view = FeatureView(
        name="activity",
        entities=[user],
        ttl=ttl,
        schema=[Field(name="clicks", dtype=Float64), Field(name="label", dtype=String)],
        source=source,
    )
    folder.mkdir()
    config = RepoConfig(
        project="asof",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store=None,
        offline_store={"type": offline},
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    store = FeatureStore(config=config)
    store.apply([user, source, view])
    return store


def answers(store: FeatureStore, labels: pd.DataFrame, *, full: bool = False) -> list[dict[str, Any]]:
    job = store.get_historical_features(
        entity_df=labels.copy(), features=["activity:clicks", "activity:label"], full_feature_names=full
    )
    return sorted(job.to_arrow().to_pylist(), key=lambda row: row["number"])


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(minutes=4)], ids=["for ever", "four minutes"])
@pytest.mark.parametrize("seed", [1, 2])
def test_gives_the_answers_of_feasts_own_join(tmp_path: Path, ttl: timedelta, seed: int) -> None:
    write_rows(tmp_path / "rows.parquet", generated_rows(seed, 400))
    labels = generated_labels(seed, 300)
    expected = answers(opened_store(tmp_path / "feast", FEAST_STORE, tmp_path / "rows.parquet", ttl), labels)
    came = answers(opened_store(tmp_path / "own", OWN_STORE, tmp_path / "rows.parquet", ttl), labels)
    assert came == expected
    found = sum(row["clicks"] is not None for row in came)
    assert 0 < found < len(came)


def test_of_rows_with_one_timestamp_the_last_created_stands(tmp_path: Path) -> None:
    row = {"user_id": "u", "event_timestamp": START}
    rows = [
        {**row, "created": START + timedelta(seconds=2), "clicks": 2.0, "label": "last"},
        {**row, "created": START + timedelta(seconds=1), "clicks": 1.0, "label": "first"},
    ]
    write_rows(tmp_path / "rows.parquet", rows)
    store = opened_store(tmp_path / "own", OWN_STORE, tmp_path / "rows.parquet", timedelta(0))
    labels = pd.DataFrame({"user_id": ["u"], "event_timestamp": [pd.Timestamp(START)], "number": [0]})
    assert answers(store, labels)[0]["label"] == "last"


def test_a_row_at_the_labels_own_instant_is_seen_and_a_later_one_is_not(tmp_path: Path) -> None:
    rows = [
        {"user_id": "u", "event_timestamp": START + timedelta(microseconds=at), "created": START, "clicks": at}
        for at in (0, 10)
    ]
    write_rows(tmp_path / "rows.parquet", [{**row, "label": ""} for row in rows])
    store = opened_store(tmp_path / "own", OWN_STORE, tmp_path / "rows.parquet", timedelta(0))
    instants = [START + timedelta(microseconds=at) for at in (9, 10)]
    labels = pd.DataFrame({"user_id": "u", "event_timestamp": pd.to_datetime(instants, utc=True), "number": [0, 1]})
    assert [row["clicks"] for row in answers(store, labels)] == [0.0, 10.0]


def test_keeps_labels_order_and_full_names(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", generated_rows(3, 50))
    store = opened_store(tmp_path / "own", OWN_STORE, tmp_path / "rows.parquet", timedelta(0))
    labels = generated_labels(3, 40)
    table = store.get_historical_features(
        entity_df=labels, features=["activity:clicks"], full_feature_names=True
    ).to_arrow()
    assert table["number"].to_pylist() == list(range(40))
    assert "activity__clicks" in table.column_names


def test_refuses_labels_that_are_no_data_frame(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", generated_rows(4, 5))
    store = opened_store(tmp_path / "own", OWN_STORE, tmp_path / "rows.parquet", timedelta(0))
    with pytest.raises(ValueError, match=r"expected a pandas.DataFrame, came str"):
        store.get_historical_features(entity_df="SELECT 1", features=["activity:clicks"])
