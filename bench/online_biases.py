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
from features.instant import DAY_US

COMMAND = "clickloop bench online-biases --json"
# Chosen on the five periods before the ten.
RATE = 0.3
_K = 10

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """How biases change between fits: by SGD's steps of `rate` or as purchases are counted, at once or at midnight."""

    name: str
    rate: float = 0.0
    counted: bool = False
    daily: bool = False


WAYS = (
    Way("as fitted"),
    Way("SGD, at once", rate=RATE),
    Way("SGD, from midnight", rate=RATE, daily=True),
    Way("counted, at once", counted=True),
    Way("counted, from midnight", counted=True, daily=True),
)


@dataclass(frozen=True)
class Stream:
    """A period's moments in time order under one model.

    scores: [moments, items]; known: [moments], false for visitors without history, whom no model answers;
    counts: [items], purchases as of the cutoff, halved every `half_life_days`; weight: what the model's bias gives to
    their logarithm.
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


def follow(stream: Stream, way: Way) -> Doubles:
    """NDCG@10 of each moment with something to find: it is ranked first and learned from afterwards.

    SGD's step is that of the softmax over the items that may be shown, a basket of m weighing sqrt(m) as in a fit. A
    user's bias would move every item alike, and no list.
    """
    from training.metrics import ndcg

    learned = np.zeros(stream.scores.shape[1])
    counts, fitted = stream.counts.copy(), np.log1p(stream.counts)
    shown, today, last_us = learned.copy(), stream.cutoff_us // DAY_US, stream.cutoff_us
    lists, relevant = [], []
    for row, now_us in enumerate(stream.at_us):
        counts *= np.exp2(-(now_us - last_us) / DAY_US / stream.half_life_days)
        if not way.daily or now_us // DAY_US != today:
            shown = learned + (stream.weight * (np.log1p(counts) - fitted) if way.counted else 0.0)
        today, last_us = now_us // DAY_US, now_us
        basket, known = stream.baskets[row], stream.known[row]
        scores = stream.scores[row] + (shown if known else 0.0)
        scores[stream.bought[row]] = -np.inf
        if len(basket):
            lists.append(np.argsort(-scores, kind="stable")[:_K])
            relevant.append(basket)
        if way.rate and known and len(basket):
            logits = stream.scores[row] + learned
            logits[stream.bought[row]] = -np.inf
            learned += way.rate * np.sqrt(len(basket)) * _step(logits, basket)
        counts[stream.purchased[row]] += 1.0
    return ndcg(np.array(lists, np.int32), relevant)


def _step(logits: Doubles, basket: NDArray[np.int32]) -> Doubles:
    chances = np.exp(logits - logits.max())
    step: Doubles = -chances / chances.sum()
    step[basket] += 1.0 / len(basket)
    return step


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
    from bench.warm_start_periods import PERIODS, TUNING_PERIODS, fit_full, fit_warm, ratio, read_periods
    from training.config import TrainingConfig

    config = TrainingConfig()
    count, skipped = (TUNING_PERIODS, PERIODS) if tuning else (PERIODS, 0)
    periods = read_periods(settings, count=count, skipped=skipped)
    model, _ = fit_full(next(periods), work / "start", config)
    found: dict[str, list[Doubles]] = {way.name: [] for way in WAYS}
    users = []
    for number, period in enumerate(periods, start=1):
        model, _ = fit_warm(model, period, work / f"warm-{number}", config)
        stream = _stream(model, period, config)
        for way in WAYS:
            found[way.name].append(follow(stream, way))
        users.append(period.dataset.users[period.holdout.test])
    fitted = found[WAYS[0].name]
    return {
        "ndcg_ratio": {way.name: ratio(found[way.name], fitted, users) for way in WAYS[1:]},
        "ndcg_at_10": {name: [round(float(one.mean()), 5) for one in values] for name, values in found.items()},
        "rate": RATE,
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
