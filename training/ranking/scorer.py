"""Scores of retrieval and ranker together: what serving will answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.ranking_files import RankerFile
from features.ranking_forward import forward
from features.ranking_input import ranking_input
from features.ranking_items import ItemTable
from training.baselines import Scorer
from training.dataset import Dataset, Longs
from training.ranking.lists import Bools, allowed_scores, best

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RankedScorer:
    """A scorer for `training.evaluation`: the ranker's order for retrieval's best, retrieval's for all others.

    values: of each row that is asked for. known: [items], what may be recommended.
    """

    retriever: Scorer
    ranker: RankerFile
    table: ItemTable
    values: Mapping[int, Mapping[str, Any]]
    known: Bools

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        scores = np.array(self.retriever(dataset, rows), np.float32)
        allowed = allowed_scores(scores, dataset, rows, self.known)
        for at, row in enumerate(rows.tolist()):
            logits = candidate_logits(allowed[at], self.values[row], self.ranker, self.table)
            found = np.isfinite(logits)
            if found.any():
                scores[at, found] = scores[at].max() + 1.0 + logits[found] - logits[found].min()
        return scores


def candidate_logits(allowed: Floats, values: Mapping[str, Any], ranker: RankerFile, table: ItemTable) -> Floats:
    """The ranker's logits [items] for the best of one visitor's `allowed` scores [items]; -inf for all others."""
    found = best(allowed, ranker.depth)
    logits = np.full(len(allowed), -np.inf, np.float32)
    if len(found.rows):
        logits[found.rows] = forward(ranker.weights, ranking_input(values, found, table))
    return logits
