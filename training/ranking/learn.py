"""Makes a ranker: a retriever that has not seen the last weeks, its candidates there, and a fit to what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from contracts.item import Item
from contracts.settings import Settings
from features.instant import DAY_US
from features.ranking_files import RankerFile
from features.ranking_items import ItemTable
from features.tower_forward import forward
from features.tower_input import TowerInput
from training.artefact import TowerArrays
from training.collect import Collected
from training.config import TrainingConfig
from training.dataset import Dataset, Longs, Purchases
from training.export import tower_arrays
from training.fit import fit_towers
from training.past import Past
from training.ranking.fit import fit_ranker
from training.ranking.lists import Floats, Lists, Values, allowed_scores, known_items, purchase_lists
from training.ranking.logged import logged_lists, read_logged, unbiased
from training.ranking.statistics import item_statistics
from training.ranking.values import read_values
from training.start import WarmStart
from training.warm import warm_towers

_log = structlog.get_logger()


class TooLittle(LookupError):
    """There is not enough to learn a ranker from."""


@dataclass(frozen=True)
class Window:
    """What the ranker learns from: `rows` of a past's dataset from `begin_us` on, each of a visitor with a history.

    before: all that was bought before it.
    """

    begin_us: int
    rows: Longs
    before: Purchases


@dataclass(frozen=True)
class Source:
    """Where the values and the answers of the past are: `store` is Feast's, `service` the name of a feature service."""

    settings: Settings
    store: Any
    service: str


def learn_ranker(source: Source, collected: Collected, config: TrainingConfig) -> RankerFile:
    """A ranker for the retriever that is fitted to the past of what was collected.

    Its own candidates come from a retriever fitted to what lies before its window, an earlier one where the run
    starts with one: one that had seen the choices would score them too well, and the ranker would trust it too much.
    Raises TooLittle.
    """
    past, items = collected.past, collected.catalogue
    window = learning_window(past, config)
    arrays = _retriever(past.until(window.begin_us), collected, config)
    lists = answer_lists(source, window, past.cutoff_us, arrays, items, config)
    if lists is None:
        values = read_values(source.store, source.service, past.dataset, window.rows)
        lists = window_lists(past.dataset, window, list(values.values()), arrays, items, config)
    if len(lists.chosen) < config.ranking.min_moments:
        raise TooLittle(f"ranker: expected {config.ranking.min_moments} lists with a choice, came {len(lists.chosen)}")
    weights = fit_ranker(lists, config.ranking)
    _log.info("ranker fitted", lists=len(lists), calibration=weights.calibration.tolist())
    statistics = item_statistics(past.purchases, past.cutoff_us, config.knn, neighbours=config.ranking.neighbours)
    return RankerFile(weights, statistics, config.ranking.depth)


def _retriever(before: Past, collected: Collected, config: TrainingConfig) -> TowerArrays:
    """Towers that know of what lies before the window alone: an earlier model, gone on from where it knows too little.

    Without one they are fitted from nothing, to moments all of which must have their features.
    """
    start, content = collected.start or WarmStart(), collected.content

    def progress(epoch: int, loss: float) -> None:
        _log.info("epoch of the ranker's retriever", epoch=epoch, loss=round(loss, 4))

    if start.retriever is not None:
        return start.retriever
    if start.earlier is not None:
        return tower_arrays(warm_towers(start.earlier, before, content, config.tower, config.warm, progress))
    dataset = before.dataset.take(before.places(np.arange(len(before.purchases))))
    return tower_arrays(fit_towers(dataset, content, before.cutoff_us, config.tower, progress))


def answer_lists(
    source: Source,
    window: Window,
    cutoff_us: int,
    arrays: TowerArrays,
    items: Sequence[Item],
    config: TrainingConfig,
) -> Lists | None:
    """What the service's own answers of the window taught; None where they are too few or too little was chosen."""
    ranking, begin_us, before = config.ranking, window.begin_us, window.before
    answers, gains, values = read_logged(source.settings, source.store, source.service, begin_us, cutoff_us, ranking)
    followed = sum(any(row) for row in gains)
    _log.info("answers to learn from", answers=len(answers), followed=followed)
    if len(answers) < ranking.min_answers or followed < ranking.min_moments:
        return None
    statistics = item_statistics(before, begin_us, config.knn, neighbours=ranking.neighbours)

    def retrieve(batch: TowerInput) -> Floats:
        scores: Floats = forward(arrays.user, batch) @ arrays.vectors.T + arrays.bias
        return scores

    lists, places = logged_lists(
        answers,
        gains,
        values,
        retrieve=retrieve,
        vocabulary=before.vocabulary,
        table=ItemTable(items, statistics),
        known=known_items(before),
        depth=ranking.depth,
    )
    return unbiased(lists, places, clip=ranking.clip)


def learning_window(past: Past, config: TrainingConfig) -> Window:
    """The last days before the cutoff. Raises TooLittle where they hold too few moments, or too few lie before."""
    days, needed = config.ranking.window_days, config.ranking.min_moments
    dataset, begin_us = past.dataset, window_begin_us(past.cutoff_us, config)
    inside = (dataset.at_us >= begin_us) & (dataset.at_us < past.cutoff_us)
    rows = np.flatnonzero(inside & (dataset.inputs.items > 0).any(axis=1) & (dataset.basket.lengths > 0))
    before = past.until(begin_us).purchases
    if len(rows) < needed or len(before) < needed:
        raise TooLittle(
            f"ranker: expected {needed} moments of visitors with a history in the last {days} days, as many before; "
            f"came {len(rows)} and {len(before)}"
        )
    return Window(begin_us, rows, before)


def window_begin_us(cutoff_us: int, config: TrainingConfig) -> int:
    """When the window begins that ends with the cutoff."""
    return cutoff_us - config.ranking.window_days * DAY_US


def window_lists(
    dataset: Dataset, window: Window, values: Values, arrays: TowerArrays, items: Sequence[Item], config: TrainingConfig
) -> Lists:
    """Candidates of a retriever fitted before the window, with item statistics as of its begin."""
    statistics = item_statistics(window.before, window.begin_us, config.knn, neighbours=config.ranking.neighbours)
    scores = retrieval_scores(arrays, dataset, window.rows)
    allowed = allowed_scores(scores, dataset, window.rows, known_items(window.before))
    return purchase_lists(
        dataset, window.rows, values, allowed, ItemTable(items, statistics), depth=config.ranking.depth
    )


def retrieval_scores(arrays: TowerArrays, dataset: Dataset, rows: Longs) -> Floats:
    """Scores [rows, items] of fitted towers."""
    scores: Floats = forward(arrays.user, dataset.inputs.take(rows)) @ arrays.vectors.T + arrays.bias
    return scores
