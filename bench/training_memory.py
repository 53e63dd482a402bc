"""Peak memory of making and reading a training set ten times the demo's: `python -m bench.training_memory`."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.apart import apart
from bench.record import record
from contracts.settings import Settings, load_settings
from features.evaluate import evaluate
from features.instant import DAY_US
from features.state import new_state
from features.tower_input import HISTORY, Vocabulary
from training.config import TowerConfig, TrainingConfig
from training.labels import Moment

# The demo's: moments of its year, items, visitors, lines of an invoice, items that its visitor had before.
MOMENTS, ITEMS, USERS, LINES, BEFORE = 18_921, 3_711, 5_000, 20, 120
SIZES = (1, 10)
COMMAND = "clickloop bench training-memory --json"
_DAYS = 370
_KIB = 1024


def run(settings: Settings) -> dict[str, Any]:
    """Peak resident MiB above what the process begins with, streamed; floor: the same, all of it held in memory."""
    measured = {
        f"{size}x": {how: apart(settings, "bench.training_memory", how, str(size)) for how in ("streamed", "held")}
        for size in SIZES
    }
    largest = measured[f"{SIZES[-1]}x"]
    figure, floor = largest["streamed"]["peak_mib"], largest["held"]["peak_mib"]
    return {
        "bench": "training_memory",
        "figure": figure,
        "unit": f"MiB at the peak, training set of {SIZES[-1] * MOMENTS} moments written and read once by chunks",
        "floor": floor,
        "floor_unit": "MiB of the same, held in memory",
        "ratio": round(figure / floor, 3),
        "details": {"moments_a_chunk": TrainingConfig().moments_a_chunk, "moments": MOMENTS, "by_size": measured},
    }


def measure(how: str, size: int, home: Path) -> dict[str, float]:
    """This process's peak for one way: the set, then every batch of an epoch."""
    from training.batches import Batches, label_weights
    from training.dataset import build_dataset
    from training.stored import store_chunks
    from training.trends import daily_trends

    began_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vocabulary = Vocabulary(tuple(f"item-{number}" for number in range(ITEMS)), ("UK",))
    chunk, count, cutoff_us = TrainingConfig().moments_a_chunk, size * MOMENTS, _DAYS * DAY_US
    with tempfile.TemporaryDirectory(prefix="clickloop-bench-", dir=home) as directory:
        if how == "held":
            rows = [row for part in _joined(count, chunk) for row in part]
            dataset = build_dataset([row[0] for row in rows], [row[1] for row in rows], vocabulary)
            del rows
        else:
            parts = (
                build_dataset([row[0] for row in part], [row[1] for row in part], vocabulary)
                for part in _joined(count, chunk)
            )
            dataset = store_chunks(parts, Path(directory))
    config = TowerConfig()
    everything = np.arange(len(dataset))
    weights = label_weights(dataset.at_us, cutoff_us, config)
    batches = Batches(dataset, everything, weights, daily_trends(dataset, cutoff_us, (5.0,)), config)
    lines = sum(int(batches[place]["positives"].sum()) for place in range(len(batches)))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_mib": round((peak_kib - began_kib) / _KIB, 1), "moments": len(dataset), "lines": lines}


def _joined(count: int, chunk: int) -> Iterator[list[tuple[Moment, dict[str, Any]]]]:
    """Moments with features, in time order, as Feast's join gives them: drawn, but of the demo's sizes."""
    random = np.random.default_rng(1)
    for first in range(0, count, chunk):
        yield [_moment(random, number, count) for number in range(first, min(first + chunk, count))]


def _moment(random: np.random.Generator, number: int, count: int) -> tuple[Moment, dict[str, Any]]:
    at_us = DAY_US + number * (_DAYS - 1) * DAY_US // count
    names = [f"item-{place}" for place in random.integers(0, ITEMS, LINES + BEFORE + HISTORY)]
    values = evaluate(new_state(), at_us) | {
        "recent_items": names[-HISTORY:],
        "recent_actions": ["purchase"] * HISTORY,
        "recent_ages_s": np.sort(random.integers(60, 10_000_000, HISTORY)).astype(float).tolist(),
        "training_allowed": True,
    }
    user = f"user-{random.integers(USERS * count // MOMENTS)}"
    return Moment(user, at_us, frozenset(names[:LINES]), frozenset(names[LINES:-HISTORY]), "UK"), values


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    settings = load_settings()
    if len(sys.argv) > 1:
        settings.home.mkdir(parents=True, exist_ok=True)
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), settings.home)))
        return
    result = run(settings)
    record(result, command=COMMAND)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
