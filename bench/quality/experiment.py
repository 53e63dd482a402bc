"""One data set from its file to its table: folds, the project's model, the opponents, measures."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality import own
from bench.quality.archives import data_folder
from bench.quality.exchange import cross_checked, run_opponents
from bench.quality.folds import Fold, Folds, global_temporal, leave_one_out, validation_fold
from bench.quality.interactions import Interactions
from bench.quality.popular import popular_opponents
from bench.quality.report import draw, write_report
from bench.quality.settings import LOADERS, QualityConfig, read_config
from bench.quality.table import compare
from training.dataset import Ints
from training.sequence.config import SequenceConfig

OWN = "two-tower, transformer"


@dataclass(frozen=True)
class Options:
    """`work`: where fits go on from and lists stay, else a folder that ends with the run. `weights`: a fitted
    tower to measure in place of a fit. `models`: the opponents to run, all where empty. `command`: for the report.
    """

    work: Path | None = None
    weights: Path | None = None
    models: tuple[str, ...] = ()
    command: str = "clickloop bench quality DATASET --json"


def run_named(dataset: str, options: Options) -> dict[str, Any]:
    """The result of a data set by its configuration file; writes its table and plots too."""
    data = LOADERS[dataset](data_folder())
    result = run_dataset(data, read_config(dataset), options)
    write_report(result, command=options.command.replace("DATASET", dataset))
    draw(result)
    return result


def folds_of(data: Interactions, config: QualityConfig) -> tuple[Folds, Fold]:
    """The configured split, and the fold that the curve is measured on."""
    if config.split == "temporal":
        folds = global_temporal(data, test_days=config.test_days, tuning_days=config.tuning_days)
        return folds, folds.tuning
    order = np.random.default_rng(config.seed).permutation(data.user_count).astype(np.int32)
    watched = np.sort(order[: config.watched_users])
    folds = leave_one_out(data, np.sort(order[: config.tuning_users]), watched)
    return folds, validation_fold(data, folds.final, watched)


def run_dataset(data: Interactions, config: QualityConfig, options: Options) -> dict[str, Any]:
    """The result as `bench.record.record` takes it. Raises FileNotFoundError without the opponents' environment."""
    folds, watched = folds_of(data, config)
    return run_folds(data, folds, watched, config, options, {})


def run_folds(
    data: Interactions,
    folds: Folds,
    watched: Fold,
    config: QualityConfig,
    options: Options,
    served: Mapping[str, Ints],
) -> dict[str, Any]:
    """The same for folds of another make. `served`: lists of the model in service, which the figure then is."""
    with tempfile.TemporaryDirectory(prefix="clickloop-quality-") as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        opponents = run_opponents(
            data, folds.tuning, folds.final, work / "opponents", k=config.k, models=options.models
        )
        if not options.models:
            opponents |= popular_opponents(data, folds.tuning, folds.final, k=config.k)
        lists = {name: one.lists for name, one in opponents.items()} | dict(served)
        begin_s = time.perf_counter()
        fitted = _fitted(data, folds, watched, config, options, work)
        fit_s = time.perf_counter() - begin_s
        lists[OWN] = own.rank(data, folds.final, fitted.weights, k=config.k)
        compared = compare(data, folds.final, lists, seed=config.seed)
        checked = cross_checked(data, folds.final, lists, compared.rows, work)
    reports = {name: one.report for name, one in opponents.items()}
    details = _details(data, folds, config, reports, fitted) | {"fit_s": round(fit_s, 1)}
    details |= {"table": compared.rows, "ndcg_by_slice": compared.slices, "gain": compared.gain}
    details |= {"cold_users": compared.newcomers}
    details |= {"furthest_from_libraries": checked}
    return _result(data, folds, config, next(iter(served), OWN), details)


def _details(
    data: Interactions, folds: Folds, config: QualityConfig, reports: dict[str, dict[str, Any]], fitted: own.Fitted
) -> dict[str, Any]:
    return {
        "k": config.k,
        "split": folds.split,
        "note": config.note,
        "cases": len(folds.final),
        "items": data.item_count,
        "events_to_learn_from": int(folds.final.fit.sum()),
        "published": list(config.published),
        "opponents": {name: _brief(report) for name, report in reports.items()},
        "configuration": asdict(config.sequence),
        "curve": fitted.curve,
    }


def _result(
    data: Interactions, folds: Folds, config: QualityConfig, shown: str, details: dict[str, Any]
) -> dict[str, Any]:
    ndcg = {name: row["ndcg"] for name, row in details["table"].items()}
    second = max(details["opponents"], key=lambda name: ndcg[name])
    return {
        "bench": f"quality_{data.name}",
        "figure": round(ndcg[shown], 4),
        "unit": f"NDCG@{config.k} of {shown}, {folds.split}",
        "floor": round(ndcg[second], 4),
        "floor_unit": f"NDCG@{config.k} of {second}, the best opponent",
        "ratio": round(ndcg[shown] / ndcg[second], 3),
        "details": details,
    }


def _fitted(
    data: Interactions, folds: Folds, watched: Fold, config: QualityConfig, options: Options, work: Path
) -> own.Fitted:
    """The sequence model for the final fold; a temporal one is fitted twice, the curve being that of the tuning."""
    if options.weights is not None:
        return own.load(options.weights)
    fold = folds.final if config.split == "leave-one-out" else folds.tuning
    fitted = own.fit(
        data,
        fold,
        _lagging(config, config.tuning_days),
        watched=watched,
        every=config.watch_every,
        checkpoint=work / "fit",
    )
    if config.split == "temporal":
        # What the curve showed on the window before the test, now with that window among the events learnt from.
        again = own.fit(
            data, folds.final, _lagging(config, config.test_days), watched=watched, every=config.sequence.epochs
        )
        fitted = replace(again, curve=fitted.curve)
    own.save(fitted, work / "weights.npz")
    return fitted


def _lagging(config: QualityConfig, days: float) -> SequenceConfig:
    """Candidates are what was known at a window's begin; who reads ages and trends is fitted to that."""
    return (
        replace(config.sequence, candidate_lag_days=days) if config.sequence.trend_half_lives_days else config.sequence
    )


def _brief(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("library", "chosen", "seconds")} | {"tried": len(report["tried"])}
