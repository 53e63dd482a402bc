"""Tune each opponent on one problem, give its lists for another.

`.venv-opponents/bin/python -m bench.quality.opponents TUNING FINAL FOLDER --models MODEL...` writes `<model>.npz`
(lists [cases, k]) and `<model>.json` (what was tried and chosen) into FOLDER, of models that it does not hold yet.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality.opponents.models import OPPONENTS, RECENT, Opponent, Score, fit_popularity
from bench.quality.opponents.problem import Longs, Problem

_CHUNK = 256


def tune(opponent: Opponent, problem: Problem, k: int) -> list[dict[str, Any]]:
    """Every setting of the grids with its NDCG and seconds, best first."""
    tried: list[dict[str, Any]] = []
    for fit_settings in opponent.fit_grid:
        begin_s = time.perf_counter()
        fitted = opponent.fit(problem, fit_settings)
        fit_s = time.perf_counter() - begin_s
        for score_settings in opponent.score_grid:
            lists = rank(opponent.score(fitted, problem, score_settings), problem, k)
            row: dict[str, Any] = {
                "fit": fit_settings,
                "score": score_settings,
                "ndcg": problem.ndcg(lists),
                "fit_s": round(fit_s, 2),
            }
            tried.append(row)
        print(json.dumps(max(tried[-len(opponent.score_grid) :], key=lambda row: row["ndcg"])), file=sys.stderr)
    return sorted(tried, key=lambda row: -row["ndcg"])


def rank(score: Score, problem: Problem, k: int) -> Longs:
    """Lists [cases, k]; a case without history gets what is popular of late."""
    fallback = fit_popularity(problem, {"days": 7 if problem.ages_days.any() else None})
    lengths = np.diff(problem.starts)
    lists = []
    for first in range(0, len(problem), _CHUNK):
        stop = min(first + _CHUNK, len(problem))
        known = (lengths[first:stop] > 0)[:, None]
        lists.append(problem.ranked(np.where(known, score(first, stop), fallback[None]), first, k))
    return np.concatenate(lists)


def main() -> None:
    """Run the models named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tuning", type=Path)
    parser.add_argument("final", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--models", nargs="*", default=list(OPPONENTS))
    arguments = parser.parse_args()
    tuning, final = Problem.load(arguments.tuning), Problem.load(arguments.final)
    for name in arguments.models:
        report_path = arguments.folder / f"{name}.json"
        if report_path.exists() or (name == RECENT and not tuning.ages_days.any()):
            continue
        opponent = OPPONENTS[name]
        begin_s = time.perf_counter()
        tried = tune(opponent, tuning, arguments.k)
        best = tried[0]
        lists = rank(opponent.score(opponent.fit(final, best["fit"]), final, best["score"]), final, arguments.k)
        np.savez(arguments.folder / f"{name}.npz", lists=lists)
        seconds = round(time.perf_counter() - begin_s, 1)
        report = {"library": opponent.library, "chosen": best, "seconds": seconds, "tried": tried}
        report_path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"{name}: {best} in {seconds} s", file=sys.stderr)


if __name__ == "__main__":
    main()
