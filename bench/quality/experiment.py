"""One data set from its file to its table: folds, the project's model, the opponents, measures."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality import own
from bench.quality.archives import data_folder
from bench.quality.exchange import cross_checked, run_opponents
from bench.quality.folds import Fold, Folds, global_temporal, leave_one_out, validation_fold
from bench.quality.interactions import Interactions
from bench.quality.report import draw, write_report
from bench.quality.settings import LOADERS, QualityConfig, read_config
from bench.quality.table import compare
from features.sequence_forward import SequenceWeights
from training.dataset import Ints

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
    with tempfile.TemporaryDirectory(prefix="clickloop-quality-") as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        opponents = run_opponents(data, folds.tuning, folds.final, work, k=config.k, models=options.models)
        lists: dict[str, Ints] = {name: one.lists for name, one in opponents.items()}
        begin_s = time.perf_counter()
        fitted = _fitted(data, folds, watched, config, options, work)
        fit_s = time.perf_counter() - begin_s
        lists[OWN] = own.rank(data, folds.final, fitted.weights, k=config.k)
        compared = compare(data, folds.final, lists, seed=config.seed)
        checked = cross_checked(data, folds.final, lists, compared.rows, work)
    second = max((name for name in lists if name != OWN), key=lambda name: compared.rows[name]["ndcg"])
    return {
        "bench": f"quality_{data.name}",
        "figure": round(compared.rows[OWN]["ndcg"], 4),
        "unit": f"NDCG@{config.k}, {folds.split}",
        "floor": round(compared.rows[second]["ndcg"], 4),
        "floor_unit": f"NDCG@{config.k} of {second}, the best opponent",
        "ratio": round(compared.rows[OWN]["ndcg"] / compared.rows[second]["ndcg"], 3),
        "details": {
            "k": config.k,
            "cases": len(folds.final),
            "events_to_learn_from": int(folds.final.fit.sum()),
            "table": compared.rows,
            "ndcg_by_slice": compared.slices,
            "gain": compared.gain,
            "furthest_from_libraries": checked,
            "published": list(config.published),
            "opponents": {name: _brief(one.report) for name, one in opponents.items()},
            "configuration": asdict(config.sequence),
            "curve": fitted.curve,
            "fit_s": round(fit_s, 1),
        },
    }


def _fitted(
    data: Interactions, folds: Folds, watched: Fold, config: QualityConfig, options: Options, work: Path
) -> own.Fitted:
    if options.weights is not None:
        with np.load(options.weights) as arrays:
            return own.Fitted(SequenceWeights.from_arrays(dict(arrays)), [])
    fold = folds.final if config.split == "leave-one-out" else folds.tuning
    fitted = own.fit(data, fold, config.sequence, watched=watched, every=config.watch_every, checkpoint=work / "fit")
    if config.split == "temporal":
        # What the curve showed on the window before the test, now with that window among the events learnt from.
        again = own.fit(data, folds.final, config.sequence, watched=watched, every=config.sequence.epochs)
        fitted = own.Fitted(again.weights, fitted.curve)
    np.savez(work / "weights.npz", **fitted.weights.arrays())
    return fitted


def _brief(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("library", "chosen", "seconds")} | {"tried": len(report["tried"])}
