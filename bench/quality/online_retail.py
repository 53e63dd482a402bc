"""Recommendation quality on the real purchases: the two-tower beside popularity and item-kNN, and what was tried."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.quality import ONLINE_RETAIL
from bench.quality.experiment import Options, run_folds
from bench.quality.report import draw, write_report
from bench.quality.retail import as_folds, as_interactions
from bench.quality.settings import read_config
from bench.record import RESULTS
from contracts.settings import Settings
from stack.redis_server import RedisServer
from training import run as steps
from training.artefact_scorer import ArtefactScorer
from training.baselines import Popularity, WithFallback
from training.collect import Collected, collect
from training.config import TowerConfig, TrainingConfig
from training.dataset import Ints
from training.evaluation import top_items
from training.metrics import bootstrap_interval
from training.split import temporal_holdout

# Changes to the configuration, each measured on the fortnight before the holdout's. The holdout itself
# is looked at by the chosen configuration alone.
TRIES: dict[str, dict[str, Any]] = {
    "as chosen": {},
    "no sessions in training": {"session_share": 0.0},
    "no id dropout": {"id_dropout": 0.0},
    "no trend in the bias": {"trend_half_lives_days": (10_000.0,)},
    "random initial vectors": {"initial_scale": 1e-6},
    "labels of all the year weigh the same": {"label_half_life_days": 10_000.0},
    "96 dimensions": {"dim": 96},
}


def run(settings: Settings, *, tries: bool = False) -> dict[str, Any]:
    """Fit on the lake of `settings` and measure on its last fortnight."""
    config = TrainingConfig()
    begin_s = time.perf_counter()
    collected = collect(settings, config)
    collected_s = time.perf_counter() - begin_s
    main = _measure(settings, collected, config)
    result = _beside_the_field(collected, main.lists, config)
    result["details"] |= {
        "table_of_training": main.table,
        "gain_over_item_knn": main.gain,
        "collect_s": round(collected_s, 1),
        "two_tower_fit_s": round(main.seconds, 1),
        "fit_moments": len(collected.holdout.fit),
        "two_tower_configuration": asdict(config),
    }
    if tries:
        result["details"]["tries_on_validation"] = _try_all(settings, collected, config)
    write_table(result)
    return result


@dataclass(frozen=True)
class _Measurement:
    """Training's own table, seconds of the fit, gain over item-kNN, and the two-tower's lists of the test moments."""

    table: dict[str, dict[str, float]]
    seconds: float
    gain: dict[str, float]
    lists: Ints


def _beside_the_field(collected: Collected, lists: Ints, training: TrainingConfig) -> dict[str, Any]:
    """The opponents of other libraries and the transformer on the same holdout, tuned on the fortnight before it."""
    dataset, final = collected.dataset, collected.holdout
    data, places = as_interactions(dataset, collected.content)
    tuning = temporal_holdout(dataset, days=training.holdout_days, before_us=final.cutoff_us)
    folds = as_folds(dataset, data, places, tuning, final, training.holdout_days)
    config = read_config(ONLINE_RETAIL)
    return run_folds(data, folds, folds.tuning, config, Options(), {steps.TWO_TOWER: lists})


def _measure(settings: Settings, collected: Collected, config: TrainingConfig) -> _Measurement:
    begin_s = time.perf_counter()
    arrays = steps.fit(collected, config).arrays
    seconds = time.perf_counter() - begin_s
    candidate = steps.write_candidate(settings, collected, arrays, config)
    try:
        measured = steps.measure(settings, collected, candidate, config)
        lists = _lists(settings, collected, candidate, config)
    finally:
        shutil.rmtree(settings.model_dir / candidate)
    own, knn = measured.results[steps.TWO_TOWER], measured.results[steps.KNN]
    users = collected.dataset.users[collected.holdout.test]
    gain: dict[str, float] = {}
    for name, differences in (("recall", own.recall - knn.recall), ("ndcg", own.ndcg - knn.ndcg)):
        low, high = bootstrap_interval(differences, users, rounds=config.bootstrap_rounds, seed=config.tower.seed)
        gain |= {name: float(differences.mean()), f"{name}_low": low, f"{name}_high": high}
    return _Measurement(measured.table, seconds, gain, lists)


def _lists(settings: Settings, collected: Collected, candidate: str, config: TrainingConfig) -> Ints:
    of_late = Popularity(
        collected.fit_set, collected.holdout.cutoff_us, half_life_days=config.popularity_half_life_days
    )
    scorer = WithFallback(ArtefactScorer(settings.model_dir / candidate), of_late)
    holdout = collected.holdout
    return top_items(scorer, collected.dataset, holdout, holdout.test, k=config.k)


def _try_all(settings: Settings, collected: Collected, config: TrainingConfig) -> dict[str, dict[str, float]]:
    validation = temporal_holdout(collected.dataset, days=config.holdout_days, before_us=collected.holdout.cutoff_us)
    before = Collected(collected.catalogue, collected.dataset, validation, collected.snapshots)
    tried: dict[str, dict[str, float]] = {}
    for name, changes in TRIES.items():
        tower: TowerConfig = replace(config.tower, **changes)
        one = _measure(settings, before, replace(config, tower=tower))
        if not tried:
            tried |= {model: one.table[model] for model in (steps.ALL_TIME, steps.OF_LATE, steps.KNN)}
        tried[f"two_tower, {name}"] = {**one.table[steps.TWO_TOWER], "fit_s": round(one.seconds, 1)}
    return tried


def write_table(result: dict[str, Any], directory: Path = RESULTS) -> Path:
    """The field's report, with training's own table and what was tried below it."""
    path = write_report(result, command="python -m bench.quality online_retail", directory=directory)
    draw(result, directory)
    details = result["details"]
    parts = [
        "## By training's own measures",
        "What decides on promotion: with the champion's and item-kNN of baskets, tuned as hard as the two-tower.",
        _markdown(details["table_of_training"]),
        "Gain over that item-kNN, mean and 95% interval over users: "
        + ", ".join(_interval(name, details["gain_over_item_knn"]) for name in ("recall", "ndcg"))
        + ".",
    ]
    if "tries_on_validation" in details:
        parts += ["## Tried, on the fortnight before", _markdown(details["tries_on_validation"])]
    path.write_text(path.read_text() + "\n" + "\n\n".join(parts) + "\n")
    return path


def _interval(name: str, gain: dict[str, float]) -> str:
    return f"{name} {gain[name]:+.4f} [{gain[f'{name}_low']:+.4f}, {gain[f'{name}_high']:+.4f}]"


def _markdown(table: dict[str, dict[str, float]]) -> str:
    columns = ("recall_at_10", "ndcg_at_10", "coverage", "diversity")
    lines = ["| Model | Recall@10 | NDCG@10 | Coverage | Diversity |", "|---|---|---|---|---|"]
    lines += [
        f"| {model} | " + " | ".join(f"{row[name]:.4f}" for name in columns) + " |" for model, row in table.items()
    ]
    return "\n".join(lines)


@contextmanager
def own_lake(settings: Settings) -> Iterator[Settings]:
    """A lake of the shop's year in a folder that ends with the block, and a Redis for its online rows."""
    from feature_repo.store import apply
    from streaming.backfill import backfill_purchases
    from streaming.catalogue import lay_catalogue

    with tempfile.TemporaryDirectory(prefix="clickloop-bench-") as directory:
        home = Path(directory)
        redis = RedisServer(home / "redis")
        try:
            redis.start()
            secrets = settings.secrets.model_validate({"pseudonym_key": "a key for benchmarks alone"})
            own = settings.model_copy(
                update={
                    "home": home,
                    "redis": settings.redis.model_copy(update={"url": redis.url}),
                    "secrets": secrets,
                }
            )
            apply(own)
            lay_catalogue(own)
            backfill_purchases(own)
            yield own
        finally:
            redis.kill()
