"""NDCG@10 with the ranker and without on the demo's purchases, its calibration and its cost: `python -m bench.ranking`.

The settings in use were chosen on the fortnight before the holdout; `--tries` measures them there beside others. The
holdout is ranked by the chosen ones alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality.online_retail import own_lake
from bench.record import RESULTS, record
from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from features.ranking_files import RankerFile
from features.ranking_forward import forward
from features.ranking_input import Candidates, ranking_input
from features.ranking_items import ItemTable
from stack.prove import percentile
from training import run as steps
from training.artefact_scorer import ArtefactScorer
from training.baselines import Scorer
from training.collect import FEATURE_SERVICE, Collected, collect
from training.config import RankingConfig, TrainingConfig
from training.dataset import Dataset, Longs
from training.evaluation import top_items
from training.metrics import Doubles, ndcg
from training.past import Past
from training.ranking.calibration import expected_calibration_error, log_loss, sigmoid
from training.ranking.fit import fit_ranker, logits_of
from training.ranking.learn import learning_window, retrieval_scores, window_lists
from training.ranking.lists import Floats, Lists, allowed_scores, purchase_lists
from training.ranking.scorer import RankedScorer
from training.ranking.statistics import item_statistics
from training.ranking.values import read_values
from training.split import temporal_holdout

_TIMED, _ROUNDS = 300, 5

TRIES: dict[str, dict[str, Any]] = {
    "as chosen": {},
    "no crosses": {"cross_layers": 0},
    "no crosses, a hidden layer of 1": {"cross_layers": 0, "hidden": 1},
    "a hidden layer of 1": {"hidden": 1},
    "every basket weighs the same": {"basket_exponent": 1.0},
    "a basket weighs as its root": {"basket_exponent": 0.5},
    "6 epochs": {"epochs": 6},
    "24 epochs": {"epochs": 24},
    "100 candidates": {"depth": 100},
    "weight decay 1e-2": {"weight_decay": 1e-2},
    "seed 8": {"seed": 8},
    "seed 9": {"seed": 9},
}


def run(settings: Settings, *, tries: bool = False) -> dict[str, Any]:
    """Fit on an own lake of the demo's purchases and rank its last fortnight. Floor: retrieval alone."""
    with own_lake(settings) as own:
        return _run(own, TrainingConfig(), tries=tries)


def _run(settings: Settings, config: TrainingConfig, *, tries: bool) -> dict[str, Any]:
    collected = collect(settings, config)
    details: dict[str, Any] = {}
    if tries:
        details["tries_on_validation"] = _try_all(settings, collected, config)
    begin_s = time.perf_counter()
    ranker = steps.fit_ranker(settings, collected, config)
    details["fit_s"] = round(time.perf_counter() - begin_s, 1)
    if ranker is None:
        raise LookupError("ranking: expected enough purchases to learn from, came too few")
    arrays = steps.fit(collected, config).arrays
    candidate = steps.write_candidate(settings, collected, arrays, config)
    try:
        measured = steps.measure(settings, collected, candidate, config, ranker)
        lists = _holdout_lists(settings, collected, ArtefactScorer(settings.model_dir / candidate), ranker)
    finally:
        shutil.rmtree(settings.model_dir / candidate)
    figure, floor = (measured.table[name]["ndcg_at_10"] for name in (steps.RANKED, steps.TWO_TOWER))
    result = {
        "bench": "quality_ranking",
        "figure": round(figure, 4),
        "unit": "NDCG@10 of two-tower and ranker",
        "floor": round(floor, 4),
        "floor_unit": "NDCG@10 of the two-tower alone",
        "ratio": round(figure / floor, 3),
        "details": {
            "moments": len(collected.holdout.test),
            "table": measured.table,
            "decision": measured.ranker_reason,
            "calibration_on_holdout": _calibration(ranker, lists),
            "cost": _cost(settings, collected, ranker),
            **details,
        },
    }
    write_table(result)
    return result


def _holdout_lists(settings: Settings, collected: Collected, retriever: ArtefactScorer, ranker: RankerFile) -> Lists:
    """What the ranker is given in the holdout, of the visitors that it is asked for."""
    from feature_repo.store import open_store

    dataset, holdout = collected.dataset, collected.holdout
    rows = holdout.test[(dataset.inputs.items[holdout.test] > 0).any(axis=1)]
    values = read_values(open_store(settings), FEATURE_SERVICE, dataset, rows)
    allowed = allowed_scores(retriever(dataset, rows), dataset, rows, holdout.known)
    table = ItemTable(collected.catalogue, ranker.statistics)
    return purchase_lists(dataset, rows, list(values.values()), allowed, table, depth=ranker.depth)


def _calibration(ranker: RankerFile, lists: Lists) -> dict[str, Any]:
    logits = logits_of(ranker.weights, lists.columns)[lists.shown].astype(np.float64)
    slope, intercept = (float(value) for value in ranker.weights.calibration)
    return calibration_of(logits, (lists.gains[lists.shown] > 0).astype(np.float64), slope=slope, intercept=intercept)


def calibration_of(logits: Doubles, chosen: Doubles, *, slope: float, intercept: float) -> dict[str, Any]:
    """Chances of what the ranker never saw, before Platt's slope and intercept and after, beside their mean for all."""
    chances = {
        "uncalibrated": sigmoid(logits),
        "calibrated": sigmoid(slope * logits + intercept),
        "the same for all": np.full_like(logits, chosen.mean()),
    }
    told: dict[str, Any] = {"pairs": len(logits), "slope": slope, "intercept": intercept}
    told["chosen"], told["expected"] = float(chosen.mean()), float(chances["calibrated"].mean())
    for name, each in chances.items():
        told[f"expected_calibration_error, {name}"] = expected_calibration_error(each, chosen)
        told[f"log_loss, {name}"] = log_loss(each, chosen)
    return told


def _cost(settings: Settings, collected: Collected, ranker: RankerFile) -> dict[str, float]:
    """Milliseconds of ranking one visitor's candidates on one core: columns, forward pass, order."""
    from feature_repo.store import open_store

    dataset = collected.dataset
    rows = collected.holdout.test[(dataset.inputs.items[collected.holdout.test] > 0).any(axis=1)][:_TIMED]
    values = list(read_values(open_store(settings), FEATURE_SERVICE, dataset, rows).values())
    table = ItemTable(collected.catalogue, ranker.statistics)
    random = np.random.default_rng(1)
    scores = -np.sort(-random.normal(size=(len(rows), ranker.depth)).astype(np.float32), axis=1)
    places = [random.permutation(len(table))[: ranker.depth].astype(np.int32) for _ in rows]
    took_ms = []
    for _ in range(_ROUNDS):
        for visitor, found, score in zip(values, places, scores, strict=True):
            begin_s = time.perf_counter()
            np.argsort(-forward(ranker.weights, ranking_input(visitor, Candidates(found, score), table)))
            took_ms.append((time.perf_counter() - begin_s) * 1e3)
    return {
        "candidates": ranker.depth,
        "p50_ms": round(percentile(took_ms, 0.5), 3),
        "p99_ms": round(percentile(took_ms, 0.99), 3),
    }


def _try_all(settings: Settings, collected: Collected, config: TrainingConfig) -> dict[str, dict[str, float]]:
    """NDCG@10 of visitors with a history on the fortnight before the holdout, by one retriever."""
    from feature_repo.store import open_store
    from training.export import tower_arrays
    from training.fit import fit_towers

    dataset = collected.dataset
    holdout = temporal_holdout(dataset, days=config.holdout_days, before_us=collected.holdout.cutoff_us)
    fit_set = dataset.take(holdout.fit)
    window = learning_window(Past.of(fit_set, holdout.cutoff_us), config)
    before = fit_set.take(np.flatnonzero(fit_set.at_us < window.begin_us))
    own, earlier = (
        tower_arrays(fit_towers(part, collected.content, until_us, config.tower, lambda _epoch, _loss: None))
        for part, until_us in ((fit_set, holdout.cutoff_us), (before, window.begin_us))
    )
    store = open_store(settings)
    test = holdout.test[(dataset.inputs.items[holdout.test] > 0).any(axis=1)]
    seen = list(read_values(store, FEATURE_SERVICE, fit_set, window.rows).values())
    values = read_values(store, FEATURE_SERVICE, dataset, test)
    relevant = [holdout.relevant(dataset, int(row)) for row in test]

    def retrieve(dataset: Dataset, rows: Longs) -> Floats:
        return retrieval_scores(own, dataset, rows)

    def measured(scorer: Scorer) -> float:
        return float(ndcg(top_items(scorer, dataset, holdout, test, k=config.k), relevant).mean())

    tried = {"retrieval alone": {"ndcg_at_10": measured(retrieve)}}
    for name, changes in TRIES.items():
        ranking: RankingConfig = replace(config.ranking, **changes)
        changed = replace(config, ranking=ranking)
        statistics = item_statistics(fit_set, holdout.cutoff_us, config.knn, neighbours=ranking.neighbours)
        lists = window_lists(fit_set, window, seen, earlier, collected.catalogue, changed)
        begin_s = time.perf_counter()
        file = RankerFile(fit_ranker(lists, ranking), statistics, ranking.depth)
        table = ItemTable(collected.catalogue, statistics)
        took_s = round(time.perf_counter() - begin_s, 1)
        scorer = RankedScorer(retrieve, file, table, values, holdout.known)
        tried[name] = {"ndcg_at_10": measured(scorer), "fit_s": took_s}
    return tried


def write_table(result: dict[str, Any], directory: Path = RESULTS) -> Path:
    """The result as Markdown beside the JSON; returns its path."""
    details = result["details"]
    table, calibration, cost = details["table"], details["calibration_on_holdout"], details["cost"]
    ranked = table[steps.RANKED]
    columns = ("recall_at_10", "ndcg_at_10", "coverage", "diversity")
    lines = [
        "# Ranking on Online Retail II",
        "",
        f"{details['moments']} purchase moments of the last fortnight. Command: `python -m bench.ranking`.",
        "",
        "| Model | Recall@10 | NDCG@10 | Coverage | Diversity |",
        "|---|---|---|---|---|",
        *(f"| {name} | " + " | ".join(f"{row[one]:.4f}" for one in columns) + " |" for name, row in table.items()),
        "",
        f"Gain of the ranker in NDCG@10, mean and 95% interval over users: {ranked['ndcg_at_10_gain']:+.4f} "
        f"[{ranked['gain_low']:+.4f}, {ranked['gain_high']:+.4f}].",
        "",
        f"Ranking {cost['candidates']} candidates takes {cost['p50_ms']} ms at the median, {cost['p99_ms']} ms at p99.",
        "",
        f"## Calibration, on {calibration['pairs']} candidates of the holdout",
        "",
        "| Chances | Expected calibration error | Log-loss |",
        "|---|---|---|",
        *(
            f"| {name} | {calibration[f'expected_calibration_error, {name}']:.5f} | "
            f"{calibration[f'log_loss, {name}']:.5f} |"
            for name in ("uncalibrated", "calibrated", "the same for all")
        ),
    ]
    if "tries_on_validation" in details:
        lines += ["", "## Tried, on the fortnight before", "", "Visitors with a history alone.", ""]
        lines += ["| Ranker | NDCG@10 |", "|---|---|"]
        lines += [f"| {name} | {row['ndcg_at_10']:.4f} |" for name, row in details["tries_on_validation"].items()]
    path = directory / f"{result['bench']}.md"
    path.write_text("\n".join(lines) + "\n")
    return path


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.ranking", description=__doc__)
    parser.add_argument("--tries", action="store_true", help="also measure other settings on validation")
    arguments = parser.parse_args()
    configure_logging("bench")
    result = run(load_settings(), tries=arguments.tries)
    record(result, command="python -m bench.ranking" + (" --tries" if arguments.tries else ""))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
