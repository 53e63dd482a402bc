"""A fortnight before the holdout, to try what a fit is told on: fit to what came before it, measure on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from training.artefact import TowerArrays
from training.artefact_scorer import TowerScorer
from training.baselines import Popularity, WithFallback
from training.catalogue import ItemContent
from training.collect import Collected
from training.config import TrainingConfig
from training.dataset import Dataset
from training.evaluation import Result, evaluate_scorer, intervals
from training.fitted import fit_and_export
from training.metrics import bootstrap_interval
from training.split import Holdout, temporal_holdout


@dataclass(frozen=True)
class Fortnight:
    """`holdout` lies before the one that is looked at once. Newcomers get what was popular of late, as in service."""

    dataset: Dataset
    content: ItemContent
    holdout: Holdout
    config: TrainingConfig

    @cached_property
    def fit_set(self) -> Dataset:
        """What models are fitted to."""
        return self.dataset.take(self.holdout.fit)

    @cached_property
    def _of_late(self) -> Popularity:
        half_life_days = self.config.popularity_half_life_days
        return Popularity(self.fit_set, self.holdout.cutoff_us, half_life_days=half_life_days)

    def fitted(self, fit_set: Dataset, config: TrainingConfig) -> TowerArrays:
        """The towers fitted to `fit_set`."""
        cutoff_us = self.holdout.cutoff_us
        return fit_and_export(fit_set, self.content, cutoff_us, config, lambda epoch, loss: None).arrays

    def measured(self, arrays: TowerArrays) -> Result:
        """Their lists of the fortnight."""
        scorer = WithFallback(TowerScorer(arrays), self._of_late)
        return evaluate_scorer(scorer, self.dataset, self.holdout, self.content.categories, k=self.config.k)

    def row(self, result: Result, first: Result | None = None) -> dict[str, Any]:
        """Figures with 95% intervals over visitors; over `first` also the gain in NDCG, case by case."""
        users, k = self.dataset.users[self.holdout.test], self.config.k
        drawn: dict[str, int] = {"rounds": self.config.bootstrap_rounds, "seed": self.config.tower.seed}
        row = result.metrics(k) | intervals(result, users, k=k, **drawn)
        if first is not None:
            gain = result.ndcg - first.ndcg
            low, high = bootstrap_interval(gain, users, **drawn)
            row |= {"gain": float(gain.mean()), "gain_low": low, "gain_high": high}
        return row


def fortnights_before(collected: Collected, config: TrainingConfig, *, count: int) -> list[Fortnight]:
    """The `count` fortnights before the collected holdout, the newest first."""
    found, before_us = [], collected.holdout.cutoff_us
    for _ in range(count):
        holdout = temporal_holdout(collected.dataset, days=config.holdout_days, before_us=before_us)
        found.append(Fortnight(collected.dataset, collected.content, holdout, config))
        before_us = holdout.cutoff_us
    return found
