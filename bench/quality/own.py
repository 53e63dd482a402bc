"""The project's sequence model on a fold: fit, lists, and the curve of its fit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.quality.folds import DAY_S, Fold, session_begins
from bench.quality.interactions import Interactions, Longs
from features.item_trends import RecentEvents, log_ages, tastes_before, trend_features
from features.sequence_forward import SequenceWeights
from features.sequence_input import GAP_BUCKETS
from training.dataset import Ints, Ragged
from training.metrics import ndcg, recall
from training.sequence.config import SequenceConfig
from training.sequence.sequences import Sequences, newest
from training.sequence.trends import EventTrends, event_trends

Floats = NDArray[np.float32]

_CHUNK = 128
_RECENT_DAYS = 7
_SECONDS_A_STEP = 15.0
_NOT_THERE = -1e9


@dataclass(frozen=True)
class Fitted:
    """What a fit left: the user tower's weights, whose `vectors` also are the items', and its curve."""

    weights: SequenceWeights
    curve: list[dict[str, float]]


def sequences_of(data: Interactions, rows: NDArray[np.bool_], config: SequenceConfig | None = None) -> Sequences:
    """The chosen events as the model reads them, every user having a row; with a fit's trends where it has any."""
    lengths = np.bincount(data.users[rows], minlength=data.user_count)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    return Sequences(
        Ragged(data.items[rows] + 1, starts),
        Ragged(data.actions[rows] + 1, starts),
        Ragged(gaps(data)[rows], starts),
        data.contexts[rows],
        data.attributes,
        _asked(data, rows, config),
        None if config is None else _trends_of(data, rows, config),
        _opens(data, rows) if config is not None and config.ask == "moment" else None,
    )


def _opens(data: Interactions, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[chosen events]: the first of its user's second. Raises ValueError without times."""
    users, at_s = data.users[rows], data.seconds[rows]
    return np.concatenate(([True], (np.diff(users) > 0) | (np.diff(at_s) > 0)))


def _asked(data: Interactions, rows: NDArray[np.bool_], config: SequenceConfig | None) -> NDArray[np.bool_]:
    """[chosen events]: a user's first with an item, as lists name nothing seen; with trends, not the item's very first,
    which nobody could have recommended; asked by the session, those alone that begin one.
    """
    pairs = data.users.astype(np.int64) * data.item_count + data.items
    asked = np.zeros(len(data), np.bool_)
    asked[np.unique(pairs, return_index=True)[1]] = True
    if config is not None and config.trend_half_lives_days:
        first_s = np.full(data.item_count, np.iinfo(np.int64).max)
        np.minimum.at(first_s, data.items[rows], data.seconds[rows])
        asked &= data.seconds > first_s[data.items]
    if config is not None and config.ask == "session":
        begin = np.zeros(len(data), np.bool_)
        begin[session_begins(data)] = True
        asked &= begin
    return asked[rows]


def _trends_of(data: Interactions, rows: NDArray[np.bool_], config: SequenceConfig) -> EventTrends | None:
    """As of each chosen event, by the chosen events alone. Raises ValueError without times."""
    if not config.trend_half_lives_days:
        return None
    starts = np.concatenate(([0], np.cumsum(np.bincount(data.users[rows], minlength=data.user_count))))
    return event_trends(data.items[rows], starts, data.seconds[rows], data.item_count, config.trend_half_lives_days)


def gaps(data: Interactions) -> Ints:
    """[events] int32: bucket of the time to the same user's next event, 0 for the last and without times.

    The buckets are `features.sequence_input.gap_bucket`'s.
    """
    buckets = np.zeros(len(data), np.int32)
    if data.at_s is None:
        return buckets
    passed = np.maximum(np.diff(data.at_s), 0)
    steps = np.log2(1.0 + passed / _SECONDS_A_STEP).astype(np.int32)
    followed = np.diff(data.users) == 0
    buckets[:-1][followed] = 1 + np.minimum(GAP_BUCKETS - 2, steps[followed])
    return buckets


def fit(
    data: Interactions, fold: Fold, config: SequenceConfig, *, watched: Fold, every: int, checkpoint: Path | None = None
) -> Fitted:
    """The model fitted to a fold's events; each `every` epochs the curve has its NDCG@10 on `watched`."""
    from training.sequence.export import sequence_weights
    from training.sequence.fit import Fitting, fit_sequences

    def watch(epoch: int, fitting: Fitting) -> dict[str, float]:
        if epoch % every and epoch != config.epochs:
            return {}
        lists = rank(data, watched, sequence_weights(fitting.model), k=10)
        return {
            "recall_at_10": float(recall(lists, relevant).mean()),
            "ndcg_at_10": float(ndcg(lists, relevant).mean()),
        }

    relevant = [watched.relevant[case] for case in range(len(watched))]
    sequences = sequences_of(data, fold.fit, config)
    fitting = fit_sequences(sequences, data.content, data.action_kinds, config, watch, checkpoint)
    return Fitted(sequence_weights(fitting.model), fitting.curve)


def save(fitted: Fitted, path: Path) -> None:
    """Keep a fit, its curve as JSON inside the archive."""
    np.savez(path, **fitted.weights.arrays(), curve=json.dumps(fitted.curve))


def load(path: Path) -> Fitted:
    """What `save` kept. Raises KeyError where the file is of another kind."""
    with np.load(path) as arrays:
        named = dict(arrays)
    curve = json.loads(str(named.pop("curve")))
    return Fitted(SequenceWeights.from_arrays(named), curve)


def rank(data: Interactions, fold: Fold, weights: SequenceWeights, *, k: int) -> Ints:
    """Lists [cases, k] by the tower that serving uses, trends as of each case's instant.

    A case without history gets what was popular of late where the tower does not begin before the first event.
    """
    from features.sequence_forward import forward

    everything = sequences_of(data, np.ones(len(data), np.bool_))
    fallback = recent_popularity(data, fold)
    dim = weights.vectors.shape[1]
    lists = []
    for first in range(0, len(fold), _CHUNK):
        part = slice(first, first + _CHUNK)
        lengths = fold.history_lengths[part]
        inputs = newest(everything, fold.users[part].astype(np.int64), lengths, len(weights.places))
        vectors = forward(weights, inputs)
        scores = vectors[:, :dim] @ weights.vectors[1:].T
        if len(weights.half_lives_days):
            _with_trends(data, scores, vectors[:, dim:], weights, fold, part)
        if not weights.begins:
            scores[lengths == 0] = fallback
        lists.append(best(data, fold, scores, first, k=k))
    return np.concatenate(lists)


def _with_trends(
    data: Interactions, scores: Floats, trend_weights: Floats, weights: SequenceWeights, fold: Fold, part: slice
) -> None:
    """Add to scores [cases, items] what the instants of a part of the cases say, by all that happened before them."""
    at_s, ends, half_lives_days = data.seconds, fold.ends[part], weights.half_lives_days.tolist()
    before = tastes_before(data.items, data.starts, weights.tastes)
    order = np.argsort(at_s, kind="stable")
    recent = RecentEvents(data.items[order], at_s[order], before[order])
    first_s = np.full(data.item_count, np.iinfo(np.int64).max // 2)
    np.minimum.at(first_s, data.items, at_s)
    ages = log_ages(first_s, at_s[ends])
    for case, end in enumerate(ends.tolist()):
        items, values = recent.trends(int(at_s[end]), before[end], half_lives_days)
        logs = np.zeros((data.item_count, values.shape[1]), np.float32)
        logs[items] = values
        scores[case] += trend_features(logs, ages[case], fold.candidates) @ trend_weights[case]
    scores[ages < 0.0] = _NOT_THERE


def best(data: Interactions, fold: Fold, scores: Floats, first: int, *, k: int) -> Ints:
    """The best k of scores [chunk, items] of the cases from `first`; seen items and no candidates are out."""
    allowed = np.array(scores, np.float32)
    allowed[:, ~fold.candidates] = -np.inf
    for at in range(len(allowed)):
        allowed[at, data.items[fold.starts[first + at] : fold.ends[first + at]]] = -np.inf
    return np.argsort(-allowed, axis=1, kind="stable")[:, :k].astype(np.int32)


def recent_popularity(data: Interactions, fold: Fold) -> Floats:
    """Scores [items]: events of the fit, those of its last week where times are known."""
    rows = fold.fit
    if data.at_s is not None:
        rows = rows & (data.at_s >= int(data.at_s[fold.fit].max()) - _RECENT_DAYS * DAY_S)
    counts: Longs = np.bincount(data.items[rows], minlength=data.item_count)
    return counts.astype(np.float32)
