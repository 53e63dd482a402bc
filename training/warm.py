"""Goes on from an earlier fit: few steps on what is new, with older moments replayed against forgetting."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, DENSE_WIDTH, ORDER_BUCKETS
from training.batches import Batches, label_weights
from training.catalogue import PRICE_BUCKETS, ItemContent
from training.config import TowerConfig, WarmConfig
from training.dataset import Longs, Purchases
from training.fit import Progress, run_epochs
from training.grow import grow, over_items
from training.initial import follow
from training.kept import WARM, Kept, Start, difference, header_of
from training.keras import tf
from training.past import Past
from training.towers import ItemTower, TwoTower, UserTower
from training.trends import daily_trends

Floats = NDArray[np.float32]


class CannotContinue(ValueError):
    """Why a fit cannot go on from an earlier one; a full fit can always be made."""


@dataclass(frozen=True)
class Chosen:
    """Rows of the past to fit to, in time order, and the weight of each; the mean weight is 1."""

    rows: Longs
    weights: Floats


def warm_towers(
    kept: Kept, past: Past, content: ItemContent, config: TowerConfig, warm: WarmConfig, progress: Progress
) -> TwoTower:
    """A model fitted from `kept` on to few moments of the past, whose features alone are read: those of `choose`.

    What is counted, not learned, is counted anew as of the cutoff: trends and co-purchases. The
    standardisation stays: what the hidden layer learned is in its units.
    The same arguments give the same weights on the same machine. Raises CannotContinue, and LookupError where the
    past lacks features of a chosen moment.
    """
    begin_s = time.monotonic()
    cutoff_us, purchases, dataset = past.cutoff_us, past.purchases, past.dataset
    require_continuable(kept, cutoff_us, config)
    chosen = choose(purchases, kept.header.cutoff_us, cutoff_us, config, warm)
    tf.keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    trends = daily_trends(purchases, cutoff_us, config.trend_half_lives_days)
    today = follow(purchases, cutoff_us, config, over_items(kept, dataset.vocabulary.items))
    model = TwoTower(
        ItemTower(content, today, trends, config),
        UserTower(dataset.vocabulary, kept.mean, kept.scale, config),
        config,
    )
    _assign(model, grow(kept, dataset.vocabulary, content, today))
    steps = replace(config, epochs=warm.epochs, batch=warm.batch, learning_rate=warm.learning_rate)
    run_epochs(model, Batches(dataset, past.places(chosen.rows), chosen.weights, trends, steps), steps, progress)
    start = Start(kind=WARM, seconds=round(time.monotonic() - begin_s, 2))
    model.header = header_of(dataset.vocabulary, content, cutoff_us, config, start)
    return model


def choose(purchases: Purchases, since_us: int, cutoff_us: int, config: TowerConfig, warm: WarmConfig) -> Chosen:
    """Every moment from `since_us` on, and older ones drawn by their weight; all before `cutoff_us`.

    The new ones weigh what they do in a full fit. Those drawn share equally what all the older ones weigh
    there, so the loss is a full fit's in expectation. Raises CannotContinue where nothing is new.
    """
    usable = (purchases.basket.lengths > 0) & (purchases.at_us < cutoff_us)
    new = np.flatnonzero(usable & (purchases.at_us >= since_us))
    older = np.flatnonzero(usable & (purchases.at_us < since_us))
    if not len(new):
        raise CannotContinue("expected moments since the model that is gone on from, came none")
    weights = label_weights(purchases.at_us, cutoff_us, config)
    share = weights[older].astype(np.float64)
    count = min(len(older), round(warm.replay * len(new)))
    random = np.random.default_rng(config.seed)
    drawn = np.sort(random.choice(older, count, replace=False, p=share / share.sum())) if count else older[:0]
    replayed = np.full(count, share.sum() / max(count, 1), np.float32)
    together = np.concatenate((replayed, weights[new]))
    return Chosen(np.concatenate((drawn, new)), together / together.mean())


def require_continuable(kept: Kept, cutoff_us: int, config: TowerConfig) -> None:
    """Raises CannotContinue where the earlier fit knows of what is held out, or its weights mean something else."""
    if kept.header.cutoff_us >= cutoff_us:
        raise CannotContinue(
            f"expected a model that ends before this one's cutoff {cutoff_us} (microseconds), "
            f"came one that has seen all before {kept.header.cutoff_us}"
        )
    differs = difference(kept.header, config)
    if differs is not None:
        name, value, came = differs
        raise CannotContinue(f"expected a model of {name} {value!r}, came {came!r}")
    for name, shape in _shapes(kept, config).items():
        came_shape = kept.weights[name].shape if name in kept.weights else None
        if came_shape != shape:
            raise CannotContinue(f"expected weights {name} of shape {shape}, came {came_shape}")


def _shapes(kept: Kept, config: TowerConfig) -> Mapping[str, tuple[int, ...]]:
    names, dim = kept.header, config.dim
    return {
        "ids": (len(names.items), dim),
        "history_ids": (len(names.items), dim),
        "words": (len(names.words) + 1, dim),
        "categories": (len(names.categories), dim),
        "prices": (PRICE_BUCKETS, dim),
        "base": (len(names.items),),
        "trend_weights": (len(config.trend_half_lives_days),),
        "age_logits": (AGE_BUCKETS,),
        "order_logits": (ORDER_BUCKETS,),
        "action_logits": (ACTION_BUCKETS,),
        "hidden": (DENSE_WIDTH, config.hidden),
        "hidden_bias": (config.hidden,),
        "out": (config.hidden, dim),
        "country": (len(names.countries) + 1, dim),
    }


def _assign(model: TwoTower, weights: Mapping[str, Floats]) -> None:
    for name, variable in model.named_weights().items():
        variable.assign(weights[name])
