"""Spark's store is the local one, with another engine behind its history; the lake as plain files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.lake import SCHEMAS, USER_SEGMENTS, open_table
from contracts.settings import Settings
from feature_repo.lake_files import data_files
from feature_repo.store import SPARK_CONFIG_PATH, store_config

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def rows(*users: str) -> pa.Table:
    made = [
        {"user_id": user, "event_timestamp": NOON + timedelta(hours=hour), "created": NOON, "offset": hour,
         "segments": [f"s{hour}"]}
        for hour, user in enumerate(users)
    ]  # fmt: skip
    return pa.Table.from_pylist(made, schema=SCHEMAS[USER_SEGMENTS])


@pytest.fixture
def table(tmp_path: Path) -> Any:
    home = tmp_path / "home"
    home.mkdir()
    return open_table(Settings(home=home), USER_SEGMENTS)


def test_both_stores_share_project_registry_and_online_rows(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    local, spark = store_config(settings), store_config(settings, path=SPARK_CONFIG_PATH)
    assert {name for name in local | spark if local.get(name) != spark.get(name)} == {"offline_store", "batch_engine"}


def test_the_newest_snapshots_files_are_the_table(table: Any) -> None:
    table.append(rows("ada", "bob"))
    table.append(rows("cat"))
    table.delete("user_id == 'ada'")
    files = data_files(table.refresh())
    assert files is not None
    read = pa.concat_tables(pq.read_table(path.removeprefix("file://")) for path in files)
    assert sorted(read["user_id"].to_pylist()) == ["bob", "cat"]


def test_an_empty_table_has_no_files_to_stand_for_it(table: Any) -> None:
    assert data_files(table) is None


def test_a_table_whose_schema_has_changed_is_not_its_files(table: Any) -> None:
    table.append(rows("ada"))
    with table.update_schema() as update:
        update.rename_column("offset", "position")
    assert data_files(table.refresh()) is None
