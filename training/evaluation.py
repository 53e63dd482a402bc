"""One table for every model: the same moments, the same items, the same metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.baselines import Scorer
from training.dataset import Dataset, Ints
from training.metrics import Doubles, bootstrap_interval, coverage, diversity, ndcg, recall
from training.split import Holdout

_CHUNK = 1024


@dataclass(frozen=True)
class Result:
    """A model's figures on a holdout; the arrays are aligned with its test rows. ranked: [moments, k] places."""

    ranked: Ints
    recall: Doubles
    ndcg: Doubles
    coverage: float
    diversity: float

    def metrics(self, k: int) -> dict[str, float]:
        """The table's row, by name."""
        return {
            f"recall_at_{k}": float(self.recall.mean()),
            f"ndcg_at_{k}": float(self.ndcg.mean()),
            "coverage": self.coverage,
            "diversity": self.diversity,
        }


def evaluate_scorer(scorer: Scorer, dataset: Dataset, holdout: Holdout, categories: Ints, *, k: int) -> Result:
    """Rank every known item that the visitor had not bought, for each test moment; categories: [items]."""
    ranked = np.concatenate(
        [
            top_items(scorer, dataset, holdout, holdout.test[start : start + _CHUNK], k=k)
            for start in range(0, len(holdout.test), _CHUNK)
        ]
    )
    relevant = [holdout.relevant(dataset, int(row)) for row in holdout.test]
    return Result(
        ranked=ranked,
        recall=recall(ranked, relevant),
        ndcg=ndcg(ranked, relevant),
        coverage=coverage(ranked, int(holdout.known.sum())),
        diversity=diversity(ranked, categories),
    )


def top_items(scorer: Scorer, dataset: Dataset, holdout: Holdout, rows: NDArray[np.int64], *, k: int) -> Ints:
    """The k best places of items [rows, k], best first; equal scores by place. Bought and unknown items are out."""
    scores = np.array(scorer(dataset, rows), np.float32)
    scores[:, ~holdout.known] = -np.inf
    for at, row in enumerate(rows):
        scores[at, dataset.bought[int(row)]] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)


def intervals(result: Result, users: NDArray[np.str_], *, k: int, rounds: int, seed: int) -> dict[str, float]:
    """95% bounds of recall and NDCG over users."""
    bounds = {}
    for name, values in ((f"recall_at_{k}", result.recall), (f"ndcg_at_{k}", result.ndcg)):
        bounds[f"{name}_low"], bounds[f"{name}_high"] = bootstrap_interval(values, users, rounds=rounds, seed=seed)
    return bounds
