"""Item biases where a ranker decides the order: learned on its logits, or on retrieval's scores and handed through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.online_biases import Doubles, K, Stream, best
from bench.warm_start_periods import Period
from features.ranking_files import RankerFile
from features.ranking_forward import forward
from features.ranking_input import Candidates, Ints, ranking_input
from features.ranking_items import ItemTable
from training.artefact_scorer import ArtefactScorer
from training.collect import FEATURE_SERVICE
from training.config import TrainingConfig
from training.metrics import ndcg
from training.online_biases import RANKED_RATE, RATE, OnlineBiases
from training.past import Past
from training.ranking.calibration import expected_calibration_error, sigmoid
from training.ranking.fit import fit_ranker
from training.ranking.learn import learning_window
from training.ranking.lists import allowed_scores, known_items, purchase_lists
from training.ranking.scorer import candidate_logits
from training.ranking.statistics import item_statistics
from training.ranking.values import read_values

IN_CANDIDATES = "retrieval's SGD, among its candidates alone"
IN_COLUMNS = "retrieval's SGD, among its candidates and in its columns"
CHOSEN, FITTED, FOLLOWING = "chosen", "as fitted", "SGD, at once"


@dataclass(frozen=True)
class Ranked:
    """A ranker, what it knows of the items, and the values of a period's visitors by moment."""

    ranker: RankerFile
    table: ItemTable
    values: Mapping[int, Mapping[str, Any]]

    @classmethod
    def learned(cls, store: Any, period: Period, before: Path, config: TrainingConfig) -> Ranked:
        """As training learns one; candidates are of the chain's model `before`, which ends where its window begins."""
        fit_set, cutoff_us = period.fit_set, period.holdout.cutoff_us
        window = learning_window(Past.of(fit_set, cutoff_us), config)
        neighbours = config.ranking.neighbours
        table = ItemTable(
            period.catalogue, item_statistics(window.before, window.begin_us, config.knn, neighbours=neighbours)
        )
        scores = ArtefactScorer(before)(fit_set, window.rows)
        lists = purchase_lists(
            fit_set,
            window.rows,
            list(read_values(store, FEATURE_SERVICE, fit_set, window.rows).values()),
            allowed_scores(scores, fit_set, window.rows, known_items(window.before)),
            table,
            depth=config.ranking.depth,
        )
        statistics = item_statistics(fit_set, cutoff_us, config.knn, neighbours=neighbours)
        ranker = RankerFile(fit_ranker(lists, config.ranking), statistics, config.ranking.depth)
        rows = np.flatnonzero(period.dataset.at_us >= cutoff_us)
        values = read_values(store, FEATURE_SERVICE, period.dataset, rows)
        return cls(ranker, ItemTable(period.catalogue, statistics), dict(enumerate(values.values())))

    def stream(self, stream: Stream) -> Stream:
        """The same moments with the ranker's logits for scores; visitors without history keep what they had."""
        scores = stream.scores.copy()
        for row in np.flatnonzero(stream.known).tolist():
            allowed = stream.allowed(row).astype(np.float32)
            scores[row] = candidate_logits(allowed, self.values[row], self.ranker, self.table)
        return replace(stream, scores=scores)

    def order(self, row: int, found: Candidates) -> Ints:
        """The candidates' rows in the ranker's order."""
        logits = forward(self.ranker.weights, ranking_input(self.values[row], found, self.table))
        ordered: Ints = found.rows[np.argsort(-logits, kind="stable")]
        return ordered


def follow_through(stream: Stream, ranked: Ranked) -> dict[str, Doubles]:
    """NDCG@10 of the ranker's lists where the biases are learned on retrieval's scores and reach the ranker by these:
    they choose its candidates, which come with scores as fitted, or come with the biases as well."""
    online = OnlineBiases(stream.scores.shape[1], RATE)
    lists: dict[str, list[Ints]] = {IN_CANDIDATES: [], IN_COLUMNS: []}
    relevant = []
    for row in range(len(stream.at_us)):
        basket, known, scores = stream.baskets[row], stream.known[row], stream.allowed(row)
        if len(basket):
            relevant.append(basket)
            popular = dict.fromkeys(lists, best(scores))
            for name, found in (_through(ranked, row, scores, online.values) if known else popular).items():
                lists[name].append(found[:K])
        if known:
            online.learn(scores, basket)
    return {name: ndcg(np.array(found, np.int32), relevant) for name, found in lists.items()}


def _through(ranked: Ranked, row: int, scores: Doubles, biases: Doubles) -> dict[str, Ints]:
    biased = scores + biases
    chosen = best(biased, ranked.ranker.depth)
    fitted = chosen[np.argsort(-scores[chosen], kind="stable")]
    return {
        IN_CANDIDATES: ranked.order(row, Candidates(fitted, scores[fitted].astype(np.float32))),
        IN_COLUMNS: ranked.order(row, Candidates(chosen, biased[chosen].astype(np.float32))),
    }


def chances(logits: Stream, ranked: Ranked) -> dict[str, Doubles]:
    """Of each candidate of each moment: whether it was chosen, and its chance as fitted and with the biases of by then.

    `logits` is the ranker's stream.
    """
    slope, intercept = (float(value) for value in ranked.ranker.weights.calibration)
    online = OnlineBiases(logits.scores.shape[1], RANKED_RATE)
    told: dict[str, list[Doubles]] = {CHOSEN: [], FITTED: [], FOLLOWING: []}
    for row in np.flatnonzero(logits.known).tolist():
        basket, scores = logits.baskets[row], logits.allowed(row)
        if not len(basket):
            continue
        found = np.flatnonzero(np.isfinite(scores))
        told[CHOSEN].append(np.isin(found, basket).astype(np.float64))
        told[FITTED].append(sigmoid(slope * scores[found] + intercept))
        told[FOLLOWING].append(sigmoid(slope * (scores[found] + online.values[found]) + intercept))
        online.learn(scores, basket)
    return {name: np.concatenate(parts) for name, parts in told.items()}


def calibration(periods: Sequence[Mapping[str, Doubles]]) -> dict[str, float]:
    """The expected calibration error of the chances of all periods together, as fitted and with biases."""
    pooled = {name: np.concatenate([period[name] for period in periods]) for name in (CHOSEN, FITTED, FOLLOWING)}
    return {name: round(expected_calibration_error(pooled[name], pooled[CHOSEN]), 5) for name in (FITTED, FOLLOWING)}
