"""What is known of a candidate beyond its place in the table: what it learned by heart, and where it is weak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from training.baselines import Scorer
from training.dataset import Dataset, Ints, Longs, Purchases
from training.evaluation import Result, evaluate_scorer, intervals
from training.slices import Slice, slices
from training.split import Holdout


@dataclass(frozen=True)
class Review:
    """`gap`: the same figure on as many training moments as the holdout has, and the difference.

    `bounds`: 95% intervals of each model's figures; `slices`: the candidate's figures by part of the holdout.
    """

    gap: Mapping[str, float]
    bounds: Mapping[str, Mapping[str, float]]
    slices: list[Slice]


@dataclass(frozen=True)
class Measuring:
    """The holdout's protocol: lists of `k`, `rounds` of bootstrap from `seed`, categories [items].

    first_us: [items], when each was first sold.
    """

    k: int
    rounds: int
    seed: int
    categories: Ints
    first_us: Longs


def review(
    scorer: Scorer,
    own: Result,
    results: Mapping[str, Result],
    dataset: Dataset,
    holdout: Holdout,
    measuring: Measuring,
) -> Review:
    """Review the model behind `scorer`, whose result on the holdout is `own`."""
    training = train_sample(dataset, holdout)
    learned = evaluate_scorer(scorer, dataset, training, measuring.categories, k=measuring.k)
    users = dataset.users[holdout.test]
    return Review(
        gap=train_gap(learned, own, measuring.k),
        bounds={
            name: intervals(result, users, k=measuring.k, rounds=measuring.rounds, seed=measuring.seed)
            for name, result in results.items()
        },
        slices=slices(own, dataset, holdout, measuring.first_us),
    )


def train_gap(training: Result, holdout: Result, k: int) -> dict[str, float]:
    """How much better a model does on what it was fitted to than on what came after; `moments` of each."""
    name = f"ndcg_at_{k}"
    learned, held = float(training.ndcg.mean()), float(holdout.ndcg.mean())
    return {
        f"train_{name}": learned,
        f"holdout_{name}": held,
        "gap": learned - held,
        "train_moments": float(len(training.ndcg)),
    }


def train_sample(purchases: Purchases, holdout: Holdout) -> Holdout:
    """The newest training moments in the holdout's place, as many as it has: same season, candidates and rules.

    Raises ValueError where nothing is left.
    """
    usable = np.array([row for row in holdout.fit if holdout.known[purchases.basket[int(row)]].any()], np.int64)
    if not len(usable):
        raise ValueError(f"expected training moments with items new to their visitors, came none of {len(holdout.fit)}")
    return replace(holdout, test=usable[-len(holdout.test) :])
