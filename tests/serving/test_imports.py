"""What the service's process does not load, so that it answers with features soon after its start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from contracts.settings import Settings
from stack.environment import server_variables

PROJECT = Path(__file__).resolve().parents[2]
# Feast names them all, with typeguard's check of each of its classes they took 5 s of processor time.
HEAVY = {"dask", "duckdb", "fastapi", "ibis", "pandas", "pyiceberg", "sqlalchemy", "sqlglot", "tensorflow", "training"}
READ = """
import sys
import time

import serving.__main__
from contracts.settings import load_settings
from serving.feature_reader import FeastReader

reader = FeastReader(load_settings())
reader.start()
while not reader.warm:
    time.sleep(0.01)
assert reader.read("nobody") is None
reader.stop()
print("loaded", *sys.modules)
"""


def test_the_service_reads_features_without_what_only_history_or_servers_need(
    shop_settings: Settings, store: Any
) -> None:
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ],
        cwd=PROJECT,
        env=os.environ | server_variables(shop_settings) | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    loaded = {name.partition(".")[0] for name in told.stdout.split("loaded", 1)[1].split()}
    assert "feast" in loaded
    assert loaded & HEAVY == set()
