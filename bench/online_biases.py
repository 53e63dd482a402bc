"""What item biases gain between two fits, learned or counted as purchases come: `python -m bench.online_biases`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.apart import measured_periods, periods_main
from contracts.settings import Settings
from features.instant import DAY_US, MINUTE_US
from training.online_biases import RANKED_RATE, RATE, OnlineBiases

COMMAND = "clickloop bench online-biases --json"
K = 10

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """How biases change between fits: by SGD's steps of `rate` or as purchases are counted, shown at once or from the
    next whole `every_us` on."""

    name: str
    rate: float = 0.0
    counted: bool = False
    every_us: int = 0


AS_FITTED = Way("as fitted")
WAYS = (
    AS_FITTED,
    Way("SGD, at once", rate=RATE),
    Way("SGD, every 5 minutes", rate=RATE, every_us=5 * MINUTE_US),
    Way("SGD, from midnight", rate=RATE, every_us=DAY_US),
    Way("counted, at once", counted=True),
    Way("counted, from midnight", counted=True, every_us=DAY_US),
)
# Of a stream whose scores are a ranker's logits.
RANKED_WAYS = (
    AS_FITTED,
    Way("SGD, at once", rate=RANKED_RATE),
    Way("SGD, every 5 minutes", rate=RANKED_RATE, every_us=5 * MINUTE_US),
    Way("SGD, from midnight", rate=RANKED_RATE, every_us=DAY_US),
)


@dataclass(frozen=True)
class Stream:
    """A period's moments in time order under one model.

    scores: [moments, items], -inf where an item cannot be shown; known: [moments], false for visitors without history,
    whom no model answers; counts: [items], purchases as of the cutoff, halved every `half_life_days`; weight: what the
    model's bias gives to their logarithm.
    """

    cutoff_us: int
    at_us: NDArray[np.int64]
    scores: Doubles
    known: NDArray[np.bool_]
    baskets: Sequence[NDArray[np.int32]]
    bought: Sequence[NDArray[np.int32]]
    purchased: Sequence[NDArray[np.int32]]
    counts: Doubles
    weight: float
    half_life_days: float

    def allowed(self, row: int) -> Doubles:
        """A moment's scores [items] as fitted, -inf for what the visitor has."""
        scores: Doubles = self.scores[row].copy()
        scores[self.bought[row]] = -np.inf
        return scores


def follow(stream: Stream, way: Way) -> Doubles:
    """NDCG@10 of each moment with something to find: it is ranked first and learned from afterwards."""
    from training.metrics import ndcg

    online = OnlineBiases(stream.scores.shape[1], way.rate)
    counts, fitted = stream.counts.copy(), np.log1p(stream.counts)
    shown, last_us = online.values.copy(), stream.cutoff_us
    lists, relevant = [], []
    for row, now_us in enumerate(stream.at_us):
        counts *= np.exp2(-(now_us - last_us) / DAY_US / stream.half_life_days)
        if not way.every_us or now_us // way.every_us != last_us // way.every_us:
            shown = online.values + (stream.weight * (np.log1p(counts) - fitted) if way.counted else 0.0)
        last_us = now_us
        basket, known, scores = stream.baskets[row], stream.known[row], stream.allowed(row)
        if len(basket):
            lists.append(best(scores + shown if known else scores))
            relevant.append(basket)
        if way.rate and known:
            online.learn(scores, basket)
        counts[stream.purchased[row]] += 1.0
    return ndcg(np.array(lists, np.int32), relevant)


def best(scores: Doubles, count: int = K) -> NDArray[np.int32]:
    """The `count` best places of items, best first; equal scores in the items' order."""
    order: NDArray[np.int32] = np.argsort(-scores, kind="stable")[:count].astype(np.int32)
    return order


def run(settings: Settings, *, here: bool = False, tuning: bool = False) -> dict[str, Any]:
    """NDCG@10 with biases that follow the purchases, over that of the same chain of warm models left as fitted."""
    measured = measured_periods(settings, "bench.online_biases", here=here, tuning=tuning)
    ratios = measured["ndcg_ratio"]
    return {
        "bench": "online_biases",
        "figure": ratios["SGD, at once"]["mean"],
        "unit": "of the same models' NDCG@10 without it, item biases by streaming SGD",
        "floor": ratios["counted, at once"]["mean"],
        "floor_unit": "of it, purchases counted instead of learned from",
        "ratio": round(ratios["SGD, at once"]["mean"] / ratios["counted, at once"]["mean"], 4),
        "details": measured,
    }


def measure(settings: Settings, work: Path, *, tuning: bool) -> dict[str, Any]:
    """The figures of this process."""
    from bench.online_biases_ranked import Ranked, calibration, chances, follow_through
    from bench.warm_start_periods import PERIODS, TUNING_PERIODS, fit_full, fit_warm, ratio, read_periods
    from feature_repo.store import open_store
    from training.config import TrainingConfig

    config, store = TrainingConfig(), open_store(settings)
    count, skipped = (TUNING_PERIODS, PERIODS) if tuning else (PERIODS, 0)
    periods = read_periods(settings, count=count, skipped=skipped)
    model, _ = fit_full(next(periods), work / "start", config)
    alone: dict[str, list[Doubles]] = {}
    ranked: dict[str, list[Doubles]] = {}
    users, told = [], []
    for number, period in enumerate(periods, start=1):
        before = model
        model, _ = fit_warm(before, period, work / f"warm-{number}", config)
        stream = _stream(model, period, config)
        for way in WAYS:
            alone.setdefault(way.name, []).append(follow(stream, way))
        ranker = Ranked.learned(store, period, before.directory, config)
        for name, ndcg in follow_through(stream, ranker).items():
            ranked.setdefault(name, []).append(ndcg)
        logits = ranker.stream(stream)
        for way in RANKED_WAYS:
            ranked.setdefault(way.name, []).append(follow(logits, way))
        told.append(chances(logits, ranker))
        users.append(period.dataset.users[period.holdout.test])
    of_ranker = {"rate": RANKED_RATE, "expected_calibration_error": calibration(told)}
    return {**_compared(alone, ratio, users), "rate": RATE, "ranked": {**_compared(ranked, ratio, users), **of_ranker}}


def _compared(found: dict[str, list[Doubles]], ratio: Any, users: Sequence[Any]) -> dict[str, Any]:
    fitted = found[AS_FITTED.name]
    return {
        "ndcg_ratio": {name: ratio(values, fitted, users) for name, values in found.items() if name != AS_FITTED.name},
        "ndcg_at_10": {name: [round(float(one.mean()), 5) for one in values] for name, values in found.items()},
    }


def _stream(model: Any, period: Any, config: Any) -> Stream:
    from training.artefact_scorer import ArtefactScorer
    from training.baselines import Popularity, WithFallback, decayed_counts

    data, cutoff_us = period.dataset, period.holdout.cutoff_us
    rows = np.flatnonzero(data.at_us >= cutoff_us)
    half_life_days = config.tower.trend_half_lives_days[0]
    of_late = Popularity(period.fit_set, cutoff_us, half_life_days=config.popularity_half_life_days)
    return Stream(
        cutoff_us=cutoff_us,
        at_us=data.at_us[rows],
        scores=WithFallback(ArtefactScorer(model.directory), of_late)(data, rows).astype(np.float64),
        known=(data.inputs.items[rows] > 0).any(axis=1),
        baskets=[data.basket[int(row)] for row in rows],
        bought=[data.bought[int(row)] for row in rows],
        purchased=[data.purchased[int(row)] for row in rows],
        counts=decayed_counts(period.fit_set, cutoff_us, half_life_days),
        weight=float(model.kept.weights["trend_weights"][0]),
        half_life_days=half_life_days,
    )


if __name__ == "__main__":
    periods_main("bench.online_biases", run, measure, command=COMMAND)
