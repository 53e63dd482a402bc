"""The measures of lists by established libraries, for comparison with the project's own.

`.venv-opponents/bin/python -m bench.quality.opponents.check CHECK LISTS RESULT`: a problem that tells
what is to be found, an archive of lists [cases, k] by model, and where to write the measures as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from ranx import Qrels, Run, evaluate
from rectools import Columns
from rectools.metrics import MRR, NDCG, AvgRecPopularity, CatalogCoverage, MeanInvUserFreq, Recall, calc_metrics

from bench.quality.opponents.problem import Longs, Problem


def by_rectools(problem: Problem, lists: Longs) -> dict[str, float]:
    """RecTools' figures, under the names of `bench.quality.measures`."""
    k = lists.shape[1]
    cases = np.arange(len(lists))
    reco = pd.DataFrame(
        {
            Columns.User: np.repeat(cases, k),
            Columns.Item: lists.ravel(),
            Columns.Rank: np.tile(np.arange(1, k + 1), len(lists)),
        }
    )
    wanted = pd.DataFrame(
        {Columns.User: np.repeat(cases, np.diff(problem.relevant_starts)), Columns.Item: problem.relevant}
    )
    learnt = pd.DataFrame({Columns.User: problem.users, Columns.Item: problem.items})
    metrics = {
        "recall": Recall(k),
        "ndcg": NDCG(k, divide_by_achievable=True),
        "mrr": MRR(k),
        "novelty": MeanInvUserFreq(k),
        "popularity": AvgRecPopularity(k),
        "coverage": CatalogCoverage(k, normalize=True),
    }
    found = calc_metrics(
        metrics, reco, interactions=wanted, prev_interactions=learnt, catalog=np.flatnonzero(problem.candidates)
    )
    return {name: float(value) for name, value in found.items()}


def by_ranx(problem: Problem, lists: Longs) -> dict[str, float]:
    """ranx's figures of the three ranking measures."""
    k = lists.shape[1]
    relevant = np.split(problem.relevant, problem.relevant_starts[1:-1])
    qrels = Qrels({str(case): {str(item): 1 for item in items} for case, items in enumerate(relevant)})
    run = Run(
        {str(case): {str(item): float(k - place) for place, item in enumerate(row)} for case, row in enumerate(lists)}
    )
    found = evaluate(qrels, run, [f"recall@{k}", f"ndcg@{k}", f"mrr@{k}"], make_comparable=True)
    return {name: float(found[f"{name}@{k}"]) for name in ("recall", "ndcg", "mrr")}


def main() -> None:
    """Measure every model's lists."""
    check, lists, result = map(Path, sys.argv[1:])
    problem = Problem.load(check)
    with np.load(lists) as arrays:
        found = {
            name: {"RecTools": by_rectools(problem, arrays[name]), "ranx": by_ranx(problem, arrays[name])}
            for name in arrays.files
        }
    result.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
