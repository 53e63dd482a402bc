"""User-level k-fold: does the model know people, or these people? On request; promotes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import structlog

from contracts.settings import Settings
from training.artefact_scorer import TowerScorer
from training.baselines import Popularity, Scorer, WithFallback
from training.collect import FEATURE_SERVICE, Collected
from training.config import TrainingConfig
from training.dataset import Longs
from training.evaluation import evaluate_scorer
from training.registry import RunRecord, log_run
from training.run import OF_LATE, TWO_TOWER, flat
from training.split import Holdout, user_groups

_log = structlog.get_logger()


@dataclass(frozen=True)
class Fold:
    """One fold: how many moments were fitted to and measured, and the figures by model."""

    fitted: int
    measured: int
    metrics: dict[str, dict[str, float]]


def fold_rows(collected: Collected, group: int, folds: int) -> tuple[Longs, Holdout]:
    """The fit rows of one fold and its holdout: others' moments before the cutoff, own ones from it on.

    Visitors are dealt into `folds` groups by a hash of their name. Candidates are the items bought before the
    cutoff by anybody, in every fold the same, so that the folds' figures are of one kind.
    """
    holdout = collected.holdout
    groups = user_groups(collected.dataset.users, folds)
    fit = holdout.fit[groups[holdout.fit] != group]
    test = holdout.test[groups[holdout.test] == group]
    if not len(fit) or not len(test):
        raise ValueError(
            f"fold {group + 1} of {folds}: expected moments on both sides, came {len(fit)} to fit and {len(test)} in it"
        )
    return fit, replace(holdout, fit=fit, test=test)


def run_folds(collected: Collected, config: TrainingConfig, folds: int) -> list[Fold]:
    """Fit once a group to the other groups' moments before the cutoff, and measure on the group's own in the holdout.

    The histories of those measured are read, as at any request, but nothing of theirs was fitted to. Raises
    ValueError for fewer than two folds, or where one stays empty.
    """
    if folds < 2:
        raise ValueError(f"expected at least 2 folds, came {folds}")
    return [_run(collected, config, group, folds) for group in range(folds)]


def _run(collected: Collected, config: TrainingConfig, group: int, folds: int) -> Fold:
    from training.fitted import fit_and_export

    fit, holdout = fold_rows(collected, group, folds)
    dataset, cutoff_us = collected.dataset, holdout.cutoff_us
    fit_set = dataset.take(fit)
    fitted = fit_and_export(fit_set, collected.content, cutoff_us, config, lambda epoch, loss: None)
    late = Popularity(fit_set, cutoff_us, half_life_days=config.popularity_half_life_days)
    scorers: dict[str, Scorer] = {TWO_TOWER: WithFallback(TowerScorer(fitted.arrays), late), OF_LATE: late}
    metrics = {
        name: evaluate_scorer(scorer, dataset, holdout, collected.content.categories, k=config.k).metrics(config.k)
        for name, scorer in scorers.items()
    }
    _log.info("fold", number=group + 1, of=folds, measured=len(holdout.test), **metrics[TWO_TOWER])
    return Fold(len(fit), len(holdout.test), metrics)


def publish_folds(
    settings: Settings, collected: Collected, config: TrainingConfig, folds: list[Fold]
) -> dict[str, Any]:
    """Log the folds as one MLflow run, a step a fold; returns mean, spread and the folds themselves."""
    table = summary(folds)
    curves = {
        f"fold.{model}.{name}": [fold.metrics[model][name] for fold in folds]
        for model, row in folds[0].metrics.items()
        for name in row
    }
    record = RunRecord(
        parameters=flat(asdict(config)) | {"folds": len(folds)},
        metrics=table,
        feature_service=FEATURE_SERVICE,
        snapshots=collected.snapshots,
        curves=curves,
    )
    log_run(settings, record, name=f"folds-{len(folds)}")
    return {"summary": table, "folds": [asdict(fold) for fold in folds], "promoted": False}


def summary(folds: list[Fold]) -> dict[str, dict[str, float]]:
    """By model the mean of the folds' figures, and their spread: the sample standard deviation over folds."""
    table: dict[str, dict[str, float]] = {}
    for model, row in folds[0].metrics.items():
        for name in row:
            values = np.array([fold.metrics[model][name] for fold in folds])
            table.setdefault(model, {})[f"{name}_mean"] = float(values.mean())
            table[model][f"{name}_spread"] = float(values.std(ddof=1))
    return table
