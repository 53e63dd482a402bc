"""Successive periods of the demo's year, each with the models that could have answered in it."""

from __future__ import annotations

import json
import os
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.item import Item
from contracts.model import Popularity as PopularityLists
from contracts.settings import Settings
from feature_repo.store import open_store
from features.instant import DAY_US
from features.tower_input import INPUTS
from training.artefact import Origin, write_artefact
from training.artefact_scorer import ArtefactScorer
from training.baselines import Popularity, WithFallback
from training.catalogue import ItemContent, item_content, read_catalogue
from training.collect import FEATURE_SERVICE, vocabulary_of
from training.config import TrainingConfig
from training.dataset import Dataset, build_dataset, join_features
from training.evaluation import evaluate_scorer
from training.export import tower_arrays
from training.fit import fit_towers
from training.kept import Kept
from training.labels import read_labels
from training.past import Past
from training.split import Holdout
from training.towers import TwoTower
from training.warm import warm_towers

PERIODS, TUNING_PERIODS, PERIOD_DAYS = 10, 5, 14
FULL, WARM, STALE = "full", "warm", "stale"
_ROUNDS = 2000

Doubles = NDArray[np.float64]
Names = NDArray[np.str_]


@dataclass(frozen=True)
class Period:
    """What was known when a period began, and the moments in it. `catalogue` is what had been sold by then."""

    catalogue: Sequence[Item]
    content: ItemContent
    dataset: Dataset
    holdout: Holdout
    fit_set: Dataset
    new_items: int


@dataclass(frozen=True)
class Took:
    """Seconds of one fit, from its data set to the arrays that serving reads."""

    cpu_s: float
    wall_s: float


@dataclass(frozen=True)
class Model:
    """What a fit left: what the next can go on from, and the artefact's folder."""

    kept: Kept
    directory: Path


def measure(settings: Settings, work: Path, *, tuning: bool) -> dict[str, Any]:
    """The figures of this process; artefacts lie in `work` meanwhile."""
    config = TrainingConfig()
    count, skipped = (TUNING_PERIODS, PERIODS) if tuning else (PERIODS, 0)
    periods = read_periods(settings, count=count, skipped=skipped)
    first = next(periods)
    # The first fit of a process also pays for TensorFlow's own start; neither kind shall.
    fit_full(first, work / "start", replace(config, tower=replace(config.tower, epochs=1)))
    stale, _ = fit_full(first, work / "stale", config)
    warm = stale
    rows: list[dict[str, Any]] = []
    ndcgs: dict[str, list[Doubles]] = {FULL: [], WARM: [], STALE: []}
    users: list[Names] = []
    for number, period in enumerate(periods, start=1):
        full, full_took = fit_full(period, work / f"full-{number}", config)
        warm, warm_took = fit_warm(warm, period, work / f"warm-{number}", config)
        for name, model in ((FULL, full), (WARM, warm), (STALE, stale)):
            ndcgs[name].append(_ndcg(model, period, config))
        users.append(period.dataset.users[period.holdout.test])
        rows.append(
            {
                "period": number,
                "moments_before": len(period.holdout.fit),
                "moments": len(period.holdout.test),
                "items": len(period.catalogue),
                "new_items": period.new_items,
                "ndcg_at_10": {name: round(float(values[-1].mean()), 5) for name, values in ndcgs.items()},
                FULL: asdict(full_took),
                WARM: asdict(warm_took),
            }
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return {
        "periods": rows,
        "warm_ndcg_ratio": ratio(ndcgs[WARM], ndcgs[FULL], users),
        "stale_ndcg_ratio": ratio(ndcgs[STALE], ndcgs[FULL], users),
        "cpu_ratio": round(_seconds(rows, WARM) / _seconds(rows, FULL), 4),
        # The median, for what else runs may stop a fit for minutes.
        "wall_ratio": round(float(np.median([row[WARM]["wall_s"] / row[FULL]["wall_s"] for row in rows])), 4),
        "period_days": PERIOD_DAYS,
        "configuration": asdict(config.warm),
        "load_average": round(os.getloadavg()[0], 1),
    }


def read_periods(settings: Settings, *, count: int, skipped: int) -> Iterator[Period]:
    """The period before the first, then `count` in order, the last ending `skipped` periods before the data does.

    Features are joined once for all of them: what a moment's features are does not change later.
    """
    catalogue = {item.item_id: item for item in read_catalogue(settings.catalogue_path)}
    moments = list(read_labels(settings, TrainingConfig().cleaning, catalogue.keys()).moments)
    users, at_us = [moment.user_id for moment in moments], [moment.at_us for moment in moments]
    values = join_features(open_store(settings), FEATURE_SERVICE, users, at_us, names=INPUTS)
    length_us = PERIOD_DAYS * DAY_US
    end_us = (moments[-1].at_us // DAY_US + 1) * DAY_US - skipped * length_us
    before: Set[str] = frozenset()
    for number in range(count + 1, 0, -1):
        cutoff_us = end_us - number * length_us
        past = [moment for moment in moments if moment.at_us < cutoff_us]
        sold = {item for moment in past for item in moment.basket} & catalogue.keys()
        until = bisect_left(moments, cutoff_us + length_us, key=lambda moment: moment.at_us)
        items = [catalogue[name] for name in sorted(sold)]
        dataset = build_dataset(moments[:until], values[:until], vocabulary_of(items, past))
        yield _period(items, dataset, cutoff_us, len(sold - before))
        before = sold


def _period(catalogue: Sequence[Item], dataset: Dataset, cutoff_us: int, new_items: int) -> Period:
    fit = np.flatnonzero(dataset.at_us < cutoff_us)
    test = np.flatnonzero((dataset.at_us >= cutoff_us) & (dataset.basket.lengths > 0))
    holdout = Holdout(cutoff_us, fit, test, np.ones(len(catalogue), np.bool_))
    return Period(catalogue, item_content(catalogue), dataset, holdout, dataset.take(fit), new_items)


def fit_full(period: Period, directory: Path, config: TrainingConfig) -> tuple[Model, Took]:
    """From nothing, to all before the period; the artefact lies in `directory`."""

    def fit() -> TwoTower:
        return fit_towers(period.fit_set, period.content, period.holdout.cutoff_us, config.tower, _unheard)

    return _fitted(fit, period, directory, config)


def fit_warm(before: Model, period: Period, directory: Path, config: TrainingConfig) -> tuple[Model, Took]:
    """From the model `before` on."""

    def fit() -> TwoTower:
        past = Past.of(period.fit_set, period.holdout.cutoff_us)
        return warm_towers(before.kept, past, period.content, config.tower, config.warm, _unheard)

    return _fitted(fit, period, directory, config)


def _fitted(fit: Callable[[], TwoTower], period: Period, directory: Path, config: TrainingConfig) -> tuple[Model, Took]:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    model = fit()
    arrays = tower_arrays(model)
    took = Took(round(time.process_time() - cpu_s, 2), round(time.perf_counter() - wall_s, 2))
    if arrays.kept is None:
        raise ValueError("expected a fit that is kept, came one that is not")
    origin = Origin(FEATURE_SERVICE, countries=period.dataset.vocabulary.countries)
    write_artefact(directory, arrays, period.catalogue, PopularityLists([], {}, {}), origin)
    return Model(arrays.kept, directory), took


def _ndcg(model: Model, period: Period, config: TrainingConfig) -> Doubles:
    """[test moments]. Visitors without history get the same for every model: what was popular as the period began."""
    of_late = Popularity(period.fit_set, period.holdout.cutoff_us, half_life_days=config.popularity_half_life_days)
    scorer = WithFallback(ArtefactScorer(model.directory), of_late)
    result = evaluate_scorer(scorer, period.dataset, period.holdout, period.content.categories, k=config.k)
    return result.ndcg


def ratio(above: Sequence[Doubles], below: Sequence[Doubles], users: Sequence[Names]) -> dict[str, float]:
    """Mean over periods of `above`'s means, by that of `below`'s, with its 95% interval.

    Each sequence has an array a period, [moments]. Users are drawn again with all their moments of
    all periods (Efron 1979).
    """
    names, codes = np.unique(np.concatenate(users), return_inverse=True)
    places = np.repeat(np.arange(len(users)), [len(one) for one in users])

    def sums(values: Doubles) -> Doubles:
        table = np.zeros((len(names), len(users)))
        np.add.at(table, (codes, places), values)
        return table

    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), _ROUNDS)
    weights = np.vstack((np.ones(len(names)), drawn))
    moments = np.maximum(weights @ sums(np.ones(len(codes))), 1.0)
    upper, lower = (((weights @ sums(np.concatenate(one))) / moments).mean(axis=1) for one in (above, below))
    low, high = np.quantile(upper[1:] / lower[1:], [0.025, 0.975])
    return {
        name: round(float(value), 4) for name, value in (("mean", upper[0] / lower[0]), ("low", low), ("high", high))
    }


def _seconds(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(sum(row[name]["cpu_s"] for row in rows))


def _unheard(epoch: int, loss: float) -> None:
    """Progress, which no one watches here."""
