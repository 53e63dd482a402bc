"""Items that nobody had touched when the models learnt: the content-only place of an item beside popularity so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.quality import own
from bench.quality.folds import Fold, session_begins
from bench.quality.interactions import Floats, Interactions
from bench.quality.measures import measure
from features.sequence_forward import SequenceWeights
from training.dataset import Ints, Ragged

SO_FAR, AT_THE_SPLIT = "popularity up to the case", "popularity at the split: nothing"


def cold_fold(data: Interactions, fold: Fold, *, at_least: int) -> Fold | None:
    """Sessions after the fit that touch items without an event in it, asked to rank those items alone.

    None without times, contents or such sessions. With fewer than `at_least` such items left to somebody any list would
    do: those sessions are not asked, and nobody is where there are fewer in all.
    """
    if data.at_s is None or not data.content.shape[1]:
        return None
    cold = np.ones(data.item_count, np.bool_)
    cold[data.items[fold.fit]] = False
    if cold.sum() < at_least:
        return None
    sessions = np.concatenate((session_begins(data, data.at_s), [len(data)]))
    newest_s = int(data.at_s[fold.fit].max())
    starts = data.starts
    users, ends, relevant = [], [], []
    for begin, stop in zip(sessions[:-1].tolist(), sessions[1:].tolist(), strict=True):
        if data.at_s[begin] <= newest_s:
            continue
        known = set(data.items[starts[data.users[begin]] : begin].tolist())
        new = [item for item in dict.fromkeys(data.items[begin:stop].tolist()) if cold[item] and item not in known]
        if new and cold.sum() - cold[list(known)].sum() >= at_least:
            users.append(int(data.users[begin]))
            ends.append(begin)
            relevant.append(new)
    if not users:
        return None
    chosen = np.array(users, np.int32)
    return Fold(fold.fit, chosen, starts[chosen], np.array(ends, np.int64), Ragged.of(relevant), cold)


def measure_cold(
    data: Interactions, fold: Fold, weights: SequenceWeights, content: Floats, *, k: int
) -> dict[str, dict[str, float]]:
    """Recall and NDCG of the transformer with `content` [items + 1, dim] for cold items, and of popularity so far."""
    vectors = np.where(np.concatenate(([False], fold.candidates))[:, None], content, weights.vectors)
    lists = {
        "two-tower, content alone": own.rank(data, fold, replace(weights, vectors=vectors), k=k),
        SO_FAR: popular_so_far(data, fold, k=k),
        AT_THE_SPLIT: own.best(data, fold, np.zeros((len(fold), data.item_count), np.float32), 0, k=k),
    }
    found = {name: measure(data, fold, ranked).means() for name, ranked in lists.items()}
    return {name: {one: means[one] for one in ("recall", "ndcg")} for name, means in found.items()}


def popular_so_far(data: Interactions, fold: Fold, *, k: int) -> Ints:
    """Lists [cases, k] by how often an item was touched before the case's instant, by anybody: what a stream knows."""
    if data.at_s is None:
        raise ValueError(f"{data.name}: expected times of events")
    order = np.argsort(data.at_s, kind="stable")
    instants = data.at_s[order]
    lists = []
    for case in range(len(fold)):
        before = order[: np.searchsorted(instants, data.at_s[fold.ends[case]])]
        counts = np.bincount(data.items[before], minlength=data.item_count).astype(np.float32)
        lists.append(own.best(data, fold, counts[None], case, k=k))
    return np.concatenate(lists)
