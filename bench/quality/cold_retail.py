"""The demo's purchases without some items: those new since a split, and a tenth of the older ones, which are hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.quality.cold import ColdCases, a_tenth, counted_before, rows
from bench.quality.interactions import Floats
from features.instant import DAY_US
from features.tower_input import TowerInput
from training.artefact import TowerArrays
from training.artefact_scorer import TowerScorer
from training.catalogue import ItemContent
from training.config import TrainingConfig
from training.dataset import Dataset, Longs
from training.fitted import fit_and_export
from training.online_biases import RATE, OnlineBiases

WINDOW_DAYS = 56
_HALF_LIVES_DAYS = (None, 5.0)
_SEED = 7
BY_CONTENT, OWN_CONTENT = "two-tower, place by content", "two-tower, content's own part alone"
WITH_BIASES = "two-tower, place by content, and biases learned up to the case, as served"


@dataclass(frozen=True)
class Window:
    """The `WINDOW_DAYS` from `cutoff_us` on. new: items first bought in it; hidden: a tenth of those bought before."""

    cutoff_us: int
    rows: Longs
    new: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


def measure_retail(dataset: Dataset, content: ItemContent, config: TrainingConfig, *, back: int = 0) -> dict[str, Any]:
    """The rows of both kinds of items in the last window, or in that of `back` windows before it. One fit."""
    window = window_of(dataset, back)
    known = without(dataset, window.hidden)
    fit_set = known.take(np.flatnonzero(known.at_us < window.cutoff_us))
    arrays = fit_and_export(fit_set, content, window.cutoff_us, config, lambda epoch, loss: None).arrays
    kinds = {
        f"new in the last {WINDOW_DAYS // 7} weeks": window.new,
        "a tenth of the older items, hidden from the fit": window.hidden,
    }
    return {name: _measured(dataset, known, window, cold, arrays, content) for name, cold in kinds.items()}


def window_of(dataset: Dataset, back: int) -> Window:
    """Raises ValueError where the data begin after the window does."""
    end_us = (int(dataset.at_us.max()) // DAY_US + 1 - back * WINDOW_DAYS) * DAY_US
    cutoff_us = end_us - WINDOW_DAYS * DAY_US
    if dataset.at_us.min() >= cutoff_us:
        raise ValueError(f"expected purchases before the {WINDOW_DAYS} days of the window, came none")
    bought_us = np.repeat(dataset.at_us, dataset.purchased.lengths)
    first_us = np.full(len(dataset.vocabulary.items), np.iinfo(np.int64).max)
    np.minimum.at(first_us, dataset.purchased.flat, bought_us)
    inside = np.flatnonzero((dataset.at_us >= cutoff_us) & (dataset.at_us < end_us))
    new = (first_us >= cutoff_us) & (first_us < end_us)
    return Window(cutoff_us, inside, new, a_tenth(first_us < cutoff_us, _SEED + back))


def without(dataset: Dataset, hidden: NDArray[np.bool_]) -> Dataset:
    """The same moments as if nobody had ever touched the hidden items [items]: not in histories, not in baskets."""
    inputs = dataset.inputs
    gone = (inputs.items > 0) & hidden[np.maximum(inputs.items - 1, 0)]
    order = np.argsort(gone, axis=1, kind="stable")

    def closed_up(values: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.take_along_axis(np.where(gone, 0, values), order, axis=1)

    return replace(
        dataset,
        inputs=replace(
            inputs,
            items=closed_up(inputs.items),
            ages=closed_up(inputs.ages),
            orders=closed_up(inputs.orders),
            actions=closed_up(inputs.actions),
        ),
        purchased=dataset.purchased.keep(~hidden[dataset.purchased.flat]),
        basket=dataset.basket.keep(~hidden[dataset.basket.flat]),
        bought=dataset.bought.keep(~hidden[dataset.bought.flat]),
    )


def _measured(
    dataset: Dataset,
    known: Dataset,
    window: Window,
    cold: NDArray[np.bool_],
    arrays: TowerArrays,
    content: ItemContent,
) -> dict[str, Any]:
    asked = np.array([row for row in window.rows.tolist() if cold[dataset.basket[row]].any()], np.int64)
    baskets = [dataset.basket[row] for row in asked.tolist()]
    cases = ColdCases(
        cold,
        dataset.users[asked],
        [dataset.bought[row] for row in asked.tolist()],
        [basket[cold[basket]] for basket in baskets],
    )
    inputs = known.inputs.take(asked)
    by_content = TowerScorer(arrays).scores(inputs)
    scores = {
        BY_CONTENT: by_content,
        WITH_BIASES: by_content + biases_before(dataset, known.inputs, window.rows, asked, arrays),
        OWN_CONTENT: TowerScorer(_own_content(arrays, content)).scores(inputs),
    }
    bought_us = np.repeat(dataset.at_us, dataset.purchased.lengths)
    for half_life in _HALF_LIVES_DAYS:
        name = "popularity up to the case" + ("" if half_life is None else f", half-life {half_life:g} days")
        counts = counted_before(dataset.at_us[asked], dataset.purchased.flat, bought_us, len(cold), half_life)
        scores[name] = counts
    return {"items": int(cold.sum()), "cases": len(cases), "rows": rows(cases, scores)}


def biases_before(dataset: Dataset, inputs: TowerInput, moments: Longs, asked: Longs, arrays: TowerArrays) -> Floats:
    """[asked, items]: `training.online_biases` as of each of the moments `asked`, from the `moments` before it.

    inputs: what the towers read, [moments]. What a moment chose counts although no fit saw it.
    """
    online = OnlineBiases(len(arrays.vectors), RATE)
    scorer, found = TowerScorer(arrays), {}
    wanted = set(asked.tolist())
    for row in moments.tolist():
        if row in wanted:
            found[row] = online.values.astype(np.float32)
        if not (inputs.items[row] > 0).any():
            continue
        scores = scorer.scores(inputs.take(np.array([row])))[0].astype(np.float64)
        scores[dataset.bought[row]] = -np.inf
        online.learn(scores, dataset.basket[row])
    return np.stack([found[row] for row in asked.tolist()])


def _own_content(arrays: TowerArrays, content: ItemContent) -> TowerArrays:
    """The same users; items where the tower's own words, category and price put them, without id or bias."""
    if arrays.kept is None:
        raise ValueError("expected a fit that is kept, came one that is not")
    weights = arrays.kept.weights
    there = (content.words > 0).astype(np.float32)[..., None]
    words = (weights["words"][content.words] * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1.0)
    vectors = words + weights["categories"][content.categories] + weights["prices"][content.prices]
    return replace(arrays, vectors=vectors, bias=np.zeros_like(arrays.bias))
