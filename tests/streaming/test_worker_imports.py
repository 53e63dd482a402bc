"""What a worker's process does not load, so that one that was killed works again soon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts.settings import Settings
from stack.environment import server_variables

PROJECT = Path(__file__).resolve().parents[2]
# Feast names them all; they took two thirds of the 3.8 s of processor time to a worker's first poll.
HEAVY = {"dask", "duckdb", "fastapi", "ibis", "jinja2", "pandas", "pyiceberg", "requests", "sqlalchemy", "sqlglot"}
HEAVY |= {"starlette", "tensorflow", "uvicorn"}
OPENED = """
import streaming.worker
from contracts.settings import load_settings
from contracts.snapshot import Snapshot
from feature_repo.store import open_store
from features.state import encode_state, new_state
from streaming.feature_rows import FeatureRows, OnlineRow

store = open_store(load_settings())
"""
WRITTEN = """
rows = FeatureRows(store)
rows.use(0)
rows.write_behavior([Snapshot("ada", 0, 0, 1, 1_000_000, 0, True, encode_state(new_state()))])
rows.write_attributes({"user_demographics": [OnlineRow("ada", 1_000_000, {"country": "UK"})]})
rows.write("item_features", [OnlineRow("mug", 1_000_000, {"name": "Mug", "price": 2.5, "available": True})])
"""


@pytest.mark.parametrize("code", [OPENED, OPENED + WRITTEN], ids=["opening", "writing"])
def test_a_worker_loads_nothing_that_only_history_or_servers_need(settings: Settings, store: Any, code: str) -> None:
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{code}\nimport sys\nprint('loaded', *sys.modules)"],
        cwd=PROJECT,
        env=os.environ | server_variables(settings) | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in told.stdout.split("loaded", 1)[1].split()}
    assert "feast" in loaded
    assert loaded & HEAVY == set()
