"""Lists from the service's own answers: what was shown, what followed, and what places had to do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from contracts.settings import Settings
from features.instant import SECOND_US
from features.ranking_input import COLUMNS, RANKING_VALUES, Candidates, ranking_input
from features.ranking_items import ItemTable
from features.tower_input import INPUTS, TowerInput, Vocabulary, stack, tower_input
from training.config import RankingConfig
from training.dataset import CONSENT_COLUMN, join_features
from training.fit import standardisation
from training.ranking.impressions import Answer, join, read_actions, read_answers
from training.ranking.lists import Bools, Floats, Lists, Values, best
from training.ranking.propensity import inverse_weights, propensities

_log = structlog.get_logger()

# What serving never shows, see `serving.rules`.
_HIDDEN = ("cart_items", "bought_items")
_NAMES = tuple(dict.fromkeys((*INPUTS, *RANKING_VALUES, *_HIDDEN)))

Retrieve = Callable[[TowerInput], Floats]
Gains = Sequence[tuple[float, ...]]


def read_logged(
    settings: Settings, store: Any, service: str, begin_us: int, end_us: int, config: RankingConfig
) -> tuple[list[Answer], Gains, Values]:
    """Answers from `begin_us` on to visitors who allow training, their items' gains, and the visitors' values then.

    Nothing from `end_us` on is looked at, so the last answers are those whose window has ended by then. Where fewer
    than `config.min_answers` were given, nothing else is read and all three are empty.
    """
    follow_us = config.follow_s * SECOND_US
    answers = read_answers(settings, begin_us, end_us - follow_us)
    if len(answers) < config.min_answers:
        return [], [], []
    gains = join(answers, read_actions(settings, begin_us, end_us), window_us=follow_us)
    users, at_us = [answer.profile_id for answer in answers], [answer.at_us for answer in answers]
    values = join_features(store, service, users, at_us, names=_NAMES)
    kept = [at for at, row in enumerate(values) if row[CONSENT_COLUMN] and row["recent_items"]]
    return [answers[at] for at in kept], [gains[at] for at in kept], [values[at] for at in kept]


def logged_lists(
    answers: Sequence[Answer],
    gains: Gains,
    values: Values,
    *,
    retrieve: Retrieve,
    vocabulary: Vocabulary,
    table: ItemTable,
    known: Bools,
    depth: int,
) -> tuple[Lists, NDArray[np.int64]]:
    """Each answer's shown items among retrieval's candidates then, and the place that each was shown at [lists, n].

    `retrieve` gives scores [visitors, items]. Places are 0 for what was not shown.
    """
    columns = np.zeros((len(answers), depth, len(COLUMNS)), np.float32)
    given = np.zeros((len(answers), depth), np.float32)
    shown = np.zeros((len(answers), depth), np.bool_)
    places = np.zeros((len(answers), depth), np.int64)
    for at, (answer, row) in enumerate(zip(answers, values, strict=True)):
        scores = retrieve(stack([tower_input(row, vocabulary)]))[0]
        place_of = {table.rows[item]: place for place, item in enumerate(answer.items) if item in table.rows}
        found = _candidates(scores, list(place_of)[:depth], _hidden(row, table), known, depth)
        columns[at, : len(found.rows)] = ranking_input(row, found, table)
        for column, item in enumerate(found.rows.tolist()):
            if item in place_of:
                shown[at, column], places[at, column] = True, place_of[item]
                given[at, column] = gains[at][place_of[item]]
    users = np.array([answer.profile_id for answer in answers])
    return Lists(columns, given, shown, users), places


def unbiased(lists: Lists, places: NDArray[np.int64], *, clip: float) -> Lists:
    """The lists with each gain over the chance of a look at its place. Raises ValueError where nothing was chosen."""
    shown = lists.shown
    columns = lists.columns[shown].astype(np.float64)
    mean, scale = standardisation(lists.columns[shown])
    chosen = (lists.gains[shown] > 0).astype(np.float64)
    relative = propensities(chosen, places[shown], (columns - mean) * scale)
    _log.info("propensities", places=[round(float(one), 3) for one in relative])
    gains = lists.gains.copy()
    gains[shown] *= inverse_weights(relative, places[shown], clip=clip).astype(np.float32)
    return replace(lists, gains=gains)


def _hidden(values: Any, table: ItemTable) -> list[int]:
    return [table.rows[item] for name in _HIDDEN for item in values[name] if item in table.rows]


def _candidates(scores: Floats, shown: list[int], hidden: list[int], known: Bools, depth: int) -> Candidates:
    """Retrieval's best, with all that was shown among them: it may have been found by another retriever."""
    allowed = np.where(known, scores, -np.inf).astype(np.float32)
    allowed[hidden] = -np.inf
    allowed[shown] = -np.inf
    others = best(allowed, depth - len(shown)).rows
    rows = np.concatenate((np.array(shown, np.int32), others))
    rows = rows[np.lexsort((rows, -scores[rows]))]
    return Candidates(rows, scores[rows])
