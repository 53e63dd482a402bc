"""Seconds and memory of a historical join at size, ours beside Feast's own: `python -m bench.join`."""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.apart import apart
from bench.record import record
from contracts.settings import Settings, load_settings

OWN, FEAST = "feature_repo.asof.AsofDuckDBOfflineStore", "duckdb"
USERS, FLOATS, RECENT = 4_383, 25, 50
# Answers compared one by one, of as many labels.
COMPARED = 2_000
_DAYS, _TTL = 365, timedelta(days=90)
_START = datetime(2025, 1, 1, tzinfo=UTC)
_LABELS, _ROWS = "labels.parquet", "rows.parquet"


@dataclass(frozen=True)
class Size:
    """How many labels are joined with how many rows. With fewer labels for Feast's store its seconds are estimated."""

    labels: int = 400_000
    rows: int = 500_000
    peer_labels: int = 400_000


def run(settings: Settings, size: Size | None = None) -> dict[str, Any]:
    """Both stores, one after the other, each in a process of its own, on the same files.

    Raises RuntimeError where their answers differ.
    """
    size = size or Size()
    with tempfile.TemporaryDirectory(prefix="clickloop-join-") as directory:
        folder = Path(directory)
        write_tables(folder, size)
        own = _measured(settings, folder, OWN, size.labels)
        peer = _measured(settings, folder, FEAST, size.peer_labels)
        _compare(folder)
    scale = size.labels / size.peer_labels
    estimated = size.peer_labels < size.labels
    peer_s = round(peer["seconds"] * scale, 1)
    return {
        "bench": "join",
        "figure": round(own["seconds"], 2),
        "unit": f"s to join {size.labels} labels with {size.rows} rows of {FLOATS} floats and {RECENT} items",
        "floor": peer_s,
        "floor_unit": "s of Feast's own DuckDB store"
        + (f", estimated from {size.peer_labels} labels of the same" if estimated else ", same files"),
        "ratio": round(own["seconds"] / peer_s, 3),
        "details": {
            **asdict(size),
            "users": USERS,
            "own": own,
            "feast": peer,
            "feast_is_estimated": estimated,
            "answers_compared": COMPARED,
        },
    }


def write_tables(folder: Path, size: Size, *, seed: int = 5) -> None:
    """Feature rows and labels of the same users over a year, as Parquet files."""
    chance = np.random.default_rng(seed)
    rows: dict[str, Any] = {
        "user_id": _users(chance, size.rows),
        "event_timestamp": _instants(chance, size.rows),
    }
    rows |= {f"value_{number}": chance.normal(size=size.rows) for number in range(FLOATS)}
    names = pa.array([f"item-{number}" for number in range(5_000)])
    items = names.take(pa.array(chance.integers(0, len(names), size.rows * RECENT)))
    rows["recent_items"] = pa.ListArray.from_arrays(np.arange(0, size.rows * RECENT + 1, RECENT, dtype=np.int32), items)
    pq.write_table(pa.table(rows), folder / _ROWS)
    labels = {
        "user_id": _users(chance, size.labels),
        "event_timestamp": _instants(chance, size.labels),
        "number": np.arange(size.labels),
    }
    pq.write_table(pa.table(labels), folder / _LABELS)


def _users(chance: np.random.Generator, count: int) -> pa.Array:
    return pa.array([f"user-{number}" for number in chance.integers(0, USERS, count)])


def _instants(chance: np.random.Generator, count: int) -> pa.Array:
    begin_us = int(_START.timestamp() * 1e6)
    return pa.array(begin_us + chance.integers(0, _DAYS * 86_400_000_000, count), pa.timestamp("us", tz="UTC"))


def _measured(settings: Settings, folder: Path, store: str, labels: int) -> dict[str, Any]:
    return apart(settings, "bench.join", "--measure", store, str(folder), str(labels))


def measure(store: str, folder: Path, labels: int) -> dict[str, Any]:
    """One join in this process: its seconds, and the most memory that the process had held by the end of it."""
    opened = _open(store, folder)
    asked = pq.read_table(folder / _LABELS).slice(0, labels).to_pandas()
    features = [f"activity:value_{number}" for number in range(FLOATS)] + ["activity:recent_items"]
    before_bytes = _peak_bytes()
    # One label first: what a store imports at its first use is no part of the join.
    opened.get_historical_features(entity_df=asked.head(1), features=features).to_arrow()
    begin_s = time.perf_counter()
    table = opened.get_historical_features(entity_df=asked, features=features).to_arrow()
    seconds = time.perf_counter() - begin_s
    peak_bytes = _peak_bytes()
    found = table.column("value_0").null_count
    kept = table.sort_by("number").slice(0, COMPARED).combine_chunks()
    pq.write_table(kept, folder / _answers(store))
    return {
        "labels": labels,
        "seconds": round(seconds, 2),
        "peak_gb": round(peak_bytes / 1e9, 2),
        "before_gb": round(before_bytes / 1e9, 2),
        "labels_found": labels - found,
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _answers(store: str) -> str:
    return f"answers-{store.rpartition('.')[2]}.parquet"


def _compare(folder: Path) -> None:
    own, peer = (pd.read_parquet(folder / _answers(store)) for store in (OWN, FEAST))
    common = [name for name in own.columns if name in peer.columns]
    for name in common:
        if [_plain(value) for value in own[name]] != [_plain(value) for value in peer[name]]:
            raise RuntimeError(f"expected both stores to answer alike, they differ in {name}")
    if len(common) < FLOATS + 3:
        raise RuntimeError(f"expected every feature from both stores, came {common} from both")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return tuple(value)
    return None if pd.isna(value) else value


def _open(offline: str, folder: Path) -> Any:
    # First, for its package says how Feast is imported: both stores answer without typeguard's checks.
    import feature_repo  # noqa: F401

    # isort: split
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.repo_config import RepoConfig
    from feast.types import Array, Float64, String

    source = FileSource(name="rows", path=str(folder / _ROWS), timestamp_field="event_timestamp")
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    schema = [Field(name=f"value_{number}", dtype=Float64) for number in range(FLOATS)]
    schema.append(Field(name="recent_items", dtype=Array(String)))
    view = FeatureView(name="activity", entities=[user], ttl=_TTL, schema=schema, source=source)
    config = RepoConfig(
        project="join",
        provider="local",
        registry=str(folder / f"{offline}.db"),
        online_store=None,
        offline_store={"type": offline},
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    store = FeatureStore(config=config)
    store.apply([user, source, view])
    return store


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.join", description=__doc__)
    parser.add_argument("--measure", nargs=3, metavar=("STORE", "FOLDER", "LABELS"), help="one store, in this process")
    parser.add_argument("--peer-labels", type=int, default=Size().peer_labels, help="fewer spare Feast's 14 GB")
    arguments = parser.parse_args()
    if arguments.measure:
        store, folder, labels = arguments.measure
        print(json.dumps(measure(store, Path(folder), int(labels))))
        return
    result = run(load_settings(), Size(peer_labels=arguments.peer_labels))
    command = "clickloop bench join --json"
    if arguments.peer_labels < Size().labels:
        command = f"python -m bench.join --peer-labels {arguments.peer_labels}"
    record(result, command=command)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
