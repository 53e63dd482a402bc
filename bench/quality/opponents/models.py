"""The opponents: each names its library, its grid, and turns a problem into lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, ItemItemRecommender, TFIDFRecommender
from numpy.typing import NDArray
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, PopularModel
from scipy import sparse

from bench.quality.opponents.problem import Problem
from bench.quality.opponents.session_knn import session_knn_scores

Floats = NDArray[np.float32]
Settings = Mapping[str, Any]
# Scores [chunk, items] of the cases from `first` up to `stop`.
Score = Callable[[int, int], Floats]


class Fit(Protocol):
    """Learns from a problem; `fitted` settings are those that a change of the others needs no new fit for."""

    def __call__(self, problem: Problem, settings: Settings) -> Any: ...


@dataclass(frozen=True)
class Opponent:
    """`fit_grid` x `score_grid` is searched; a fit is shared by the settings of `score_grid`."""

    library: str
    fit: Fit
    score: Callable[[Any, Problem, Settings], Score]
    fit_grid: Sequence[Settings] = ({},)
    score_grid: Sequence[Settings] = ({},)


HALF_LIVES = tuple({"half_life": value} for value in (None, 20.0, 5.0, 2.0))
_NEIGHBOURS: dict[str, type[ItemItemRecommender]] = {
    "cosine": CosineRecommender,
    "tfidf": TFIDFRecommender,
    "bm25": BM25Recommender,
}


def fit_popularity(problem: Problem, settings: Settings) -> Floats:
    """Scores [items] by RecTools' popularity: users of an item, of all time or of the newest days."""
    newest = pd.Timestamp("2020-01-01")
    frame = pd.DataFrame(
        {
            Columns.User: problem.users,
            Columns.Item: problem.items,
            Columns.Weight: 1.0,
            Columns.Datetime: newest - pd.to_timedelta(problem.ages_days, unit="D"),
        }
    )
    days = settings["days"]
    dataset = Dataset.construct(frame)
    model = PopularModel("n_users", period=None if days is None else pd.Timedelta(days=days))
    model.fit(dataset)
    internal, values = model.popularity_list
    scores = np.zeros(problem.item_count, np.float32)
    scores[dataset.item_id_map.convert_to_external(internal).astype(np.int64)] = values
    return scores


def same_for_all(scores: Floats, problem: Problem, settings: Settings) -> Score:
    """Everybody gets the same scores."""
    del problem, settings
    return lambda first, stop: np.broadcast_to(scores, (stop - first, len(scores)))


def fit_ease(problem: Problem, settings: Settings) -> Floats:
    """Weights [items, items] of RecTools' EASE (Steck 2019)."""
    frame = pd.DataFrame(
        {Columns.User: problem.users, Columns.Item: problem.items, Columns.Weight: 1.0, Columns.Datetime: 0}
    ).drop_duplicates()
    dataset = Dataset.construct(frame)
    model = EASEModel(regularization=settings["regularization"])
    model.fit(dataset)
    external = dataset.item_id_map.external_ids.astype(np.int64)
    weights = np.zeros((problem.item_count, problem.item_count), np.float32)
    weights[np.ix_(external, external)] = model.weight
    return weights


def from_history(weights: Any, problem: Problem, settings: Settings) -> Score:
    """History times weights [items, items]; lines count less the older they are."""
    cases = problem.case_matrix(settings["half_life"])
    return lambda first, stop: _dense(cases[first:stop] @ weights)


def fit_item_knn(problem: Problem, settings: Settings) -> sparse.csr_matrix:
    """Similarities [items, items] of implicit's item-item models."""
    model = _NEIGHBOURS[settings["similarity"]](K=settings["neighbours"], num_threads=2)
    model.fit(problem.matrix(), show_progress=False)
    return sparse.csr_matrix(model.similarity)


def fit_als(problem: Problem, settings: Settings) -> AlternatingLeastSquares:
    """Implicit's ALS (Hu et al. 2008)."""
    model = AlternatingLeastSquares(**settings, iterations=15, num_threads=2, random_state=7)
    model.fit(problem.matrix(), show_progress=False)
    return model


def from_folded_in(model: AlternatingLeastSquares, problem: Problem, settings: Settings) -> Score:
    """A case's vector is solved for from its history, as it then was."""
    cases = problem.case_matrix(settings["half_life"])
    return lambda first, stop: (
        model.recalculate_user(np.arange(stop - first), cases[first:stop]) @ model.item_factors.T
    ).astype(np.float32)


def fit_bpr(problem: Problem, settings: Settings) -> BayesianPersonalizedRanking:
    """Implicit's BPR (Rendle et al. 2009)."""
    model = BayesianPersonalizedRanking(**settings, num_threads=2, random_state=7)
    model.fit(problem.matrix(), show_progress=False)
    return model


def from_user(model: BayesianPersonalizedRanking, problem: Problem, settings: Settings) -> Score:
    """A case's vector is that its user was fitted; what happened since does not move it."""
    del settings
    vectors = np.asarray(model.user_factors)[problem.case_users]
    return lambda first, stop: vectors[first:stop] @ np.asarray(model.item_factors).T


def fit_session_knn(problem: Problem, settings: Settings) -> sparse.csr_matrix:
    """The sequences to look for neighbours among: all of a user's events."""
    del settings
    return problem.matrix()


def from_neighbours(sequences: sparse.csr_matrix, problem: Problem, settings: Settings) -> Score:
    """What the users most like the newest lines of the history have besides."""
    cases = problem.case_matrix(settings["half_life"])
    return lambda first, stop: session_knn_scores(
        cases[first:stop], sequences, problem.case_users[first:stop], neighbours=settings["neighbours"]
    )


def _dense(scores: Any) -> Floats:
    dense: Floats = np.asarray(scores.todense() if sparse.issparse(scores) else scores, np.float32)
    return dense


def _grid(**choices: Sequence[Any]) -> tuple[Settings, ...]:
    settings: list[dict[str, Any]] = [{}]
    for name, values in choices.items():
        settings = [one | {name: value} for one in settings for value in values]
    return tuple(settings)


ALL_TIME, RECENT = "popularity", "popularity, recent"
OPPONENTS: dict[str, Opponent] = {
    ALL_TIME: Opponent("RecTools", fit_popularity, same_for_all, ({"days": None},)),
    RECENT: Opponent("RecTools", fit_popularity, same_for_all, _grid(days=(1, 3, 7, 14, 30, 60, 90, 180))),
    "item-kNN": Opponent(
        "implicit",
        fit_item_knn,
        from_history,
        _grid(similarity=tuple(_NEIGHBOURS), neighbours=(50, 100, 300)),
        HALF_LIVES,
    ),
    "EASE": Opponent(
        "RecTools",
        fit_ease,
        from_history,
        _grid(regularization=(150.0, 300.0, 600.0, 1200.0, 2500.0)),
        HALF_LIVES,
    ),
    "ALS": Opponent(
        "implicit",
        fit_als,
        from_folded_in,
        _grid(factors=(64, 128), alpha=(1.0, 10.0), regularization=(0.1, 10.0)),
        HALF_LIVES,
    ),
    "BPR": Opponent(
        "implicit",
        fit_bpr,
        from_user,
        _grid(factors=(64, 128), learning_rate=(0.01, 0.05), regularization=(0.001, 0.01), iterations=(100,)),
    ),
    "session kNN": Opponent(
        "own, after Ludewig and Jannach 2018",
        fit_session_knn,
        from_neighbours,
        ({},),
        _grid(half_life=(1.0, 2.0, 5.0, 10.0), neighbours=(100, 200, 500)),
    ),
}
