"""Hands folds to the opponents' own environment as files, and takes their lists back."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality.folds import DAY_S, Fold
from bench.quality.interactions import Interactions, Longs
from training.dataset import Ints, Ragged

PROJECT = Path(__file__).resolve().parents[2]
_ROUNDING = 1e-6
PYTHON = PROJECT / ".venv-opponents" / "bin" / "python"


@dataclass(frozen=True)
class OpponentLists:
    """One opponent's lists [cases, k], and its report: library, what was tried and chosen, seconds."""

    lists: Ints
    report: dict[str, Any]


def write_problem(path: Path, data: Interactions, fold: Fold, *, reveal: bool) -> None:
    """A fold as `bench.quality.opponents.problem.Problem` reads it; what is to be found goes along to `reveal` it."""
    relevant = fold.relevant if reveal else Ragged.of([[] for _ in range(len(fold))])
    ages = np.zeros(int(fold.fit.sum()))
    if data.at_s is not None:
        at_s = data.at_s[fold.fit]
        ages = (at_s.max() - at_s) / DAY_S
    np.savez(
        path,
        users=data.users[fold.fit].astype(np.int64),
        items=data.items[fold.fit].astype(np.int64),
        ages_days=ages,
        case_users=fold.users.astype(np.int64),
        histories=_histories(data, fold),
        starts=np.concatenate(([0], np.cumsum(fold.history_lengths))),
        candidates=fold.candidates,
        relevant=relevant.flat.astype(np.int64),
        relevant_starts=relevant.starts,
    )


def _histories(data: Interactions, fold: Fold) -> Longs:
    pieces = [data.items[start:end] for start, end in zip(fold.starts, fold.ends, strict=True)]
    return np.concatenate(pieces).astype(np.int64)


def run_opponents(
    data: Interactions, tuning: Fold, final: Fold, folder: Path, *, k: int, models: Sequence[str] = ()
) -> dict[str, OpponentLists]:
    """Every opponent, or those named, tuned on one fold; its lists for the other.

    What an interrupted run of the same problem left in `folder` is not done again. Raises FileNotFoundError
    without the opponents' environment, subprocess.CalledProcessError where one fails.
    """
    if not PYTHON.exists():
        raise FileNotFoundError(f"expected the opponents' environment at {PYTHON}. Make it: make opponents")
    folder.mkdir(parents=True, exist_ok=True)
    problems = [folder / "tuning.npz", folder / "final.npz"]
    before = [_digest(path) for path in problems]
    write_problem(problems[0], data, tuning, reveal=True)
    write_problem(problems[1], data, final, reveal=False)
    if before != [_digest(path) for path in problems]:
        for stale in folder.glob("*.json"):
            stale.unlink()
    command = [*map(str, problems), str(folder), "--k", str(k)]
    command += ["--models", *models] if models else []
    _run("bench.quality.opponents", command)
    return read_lists(folder, models)


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _run(module: str, arguments: Sequence[str]) -> None:
    # Implicit has threads of its own and is slowed by those of BLAS.
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OPENBLAS_NUM_THREADS": "1"}
    # What they print is progress: the last line of standard output stays the result's.
    subprocess.run(
        [str(PYTHON), "-W", "ignore", "-m", module, *arguments],
        cwd=PROJECT,
        check=True,
        env=environment,
        stdout=sys.stderr,
    )


def cross_checked(
    data: Interactions, fold: Fold, lists: Mapping[str, Ints], rows: Mapping[str, Mapping[str, float]], folder: Path
) -> dict[str, Any]:
    """How far RecTools' and ranx's figures of the same lists are from `rows` [model][measure], at the most.

    Raises ValueError where they are further than rounding explains.
    """
    write_problem(folder / "check.npz", data, fold, reveal=True)
    arrays: dict[str, Any] = dict(lists)
    np.savez(folder / "all_lists.npz", **arrays)
    result = folder / "checked.txt"
    _run("bench.quality.opponents.check", [str(folder / "check.npz"), str(folder / "all_lists.npz"), str(result)])
    furthest: dict[str, dict[str, float]] = {}
    for model, libraries in json.loads(result.read_text()).items():
        for library, figures in libraries.items():
            for name, value in figures.items():
                distance = abs(value - rows[model][name])
                if distance > _ROUNDING * max(1.0, abs(value)):
                    raise ValueError(f"{model}, {name}: {library} says {value}, the table {rows[model][name]}")
                kept = furthest.setdefault(library, {})
                kept[name] = max(kept.get(name, 0.0), distance)
    return furthest


def read_lists(folder: Path, models: Sequence[str] = ()) -> dict[str, OpponentLists]:
    """What `run_opponents` left in a folder, of the opponents named or of all."""
    names = models or sorted(path.stem for path in folder.glob("*.json"))
    found = {}
    for name in names:
        with np.load(folder / f"{name}.npz") as arrays:
            lists = arrays["lists"].astype(np.int32)
        found[name] = OpponentLists(lists, json.loads((folder / f"{name}.json").read_text()))
    return found
