"""Which events models learn from and which lists they are asked for: leave-one-out and global temporal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.quality.interactions import Interactions, Longs
from training.dataset import Ints, Ragged

DAY_S = 86_400
SESSION_GAP_S = 1800


@dataclass(frozen=True)
class Fold:
    """What a model may learn from, and the cases that it is measured on.

    fit: [events] bool. Case i is user `users[i]` just before event `ends[i]`: the history is the user's
    events from `starts[i]` up to there, what is in it is not recommended again. relevant: what came
    then, items new to the user; candidates: [items] bool, the items that a list may name.
    """

    fit: NDArray[np.bool_]
    users: Ints
    starts: Longs
    ends: Longs
    relevant: Ragged
    candidates: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.users)

    @property
    def history_lengths(self) -> Longs:
        """[cases] int64."""
        return self.ends - self.starts


@dataclass(frozen=True)
class Folds:
    """`tuning` decides every setting of every model; `final` gives the table and is looked at once."""

    split: str
    tuning: Fold
    final: Fold


def leave_one_out(data: Interactions, tuning_users: Ints, final_validation_users: Ints) -> Folds:
    """Each user's last event is the test, for all users; every item is a candidate.

    Tuning holds out the last but one of `tuning_users`, from models that have seen none of the last
    events. The final fit leaves out that of `final_validation_users` alone, for the learning curve.
    Raises ValueError where a user has fewer than three events.
    """
    ends = data.starts[1:]
    if np.diff(data.starts).min() < 3:
        raise ValueError(f"{data.name}: expected three events or more of each user")
    fit = np.ones(len(data), np.bool_)
    fit[ends - 1] = False
    everyone = np.arange(data.user_count, dtype=np.int32)
    return Folds(
        "leave-one-out",
        tuning=_one_each(data, _without(fit, ends[tuning_users] - 2), tuning_users, ends[tuning_users] - 2),
        final=_one_each(data, _without(fit, ends[final_validation_users] - 2), everyone, ends - 1),
    )


def validation_fold(data: Interactions, final: Fold, users: Ints) -> Fold:
    """The last but one event of `users`, whom the final fit leaves it out of: for a learning curve."""
    return _one_each(data, final.fit, users, data.starts[1:][users] - 2)


def _without(fit: NDArray[np.bool_], rows: Longs) -> NDArray[np.bool_]:
    left = fit.copy()
    left[rows] = False
    return left


def _one_each(data: Interactions, fit: NDArray[np.bool_], users: Ints, rows: Longs) -> Fold:
    relevant = Ragged.of([[int(item)] for item in data.items[rows]])
    candidates = np.ones(data.item_count, np.bool_)
    return Fold(fit, users, data.starts[users], rows, relevant, candidates)


def global_temporal(data: Interactions, *, test_days: float, tuning_days: float) -> Folds:
    """Fit on what came before T, test on the `test_days` from T to the end; items are those known at T.

    A case is the begin of a session in the window (30 minutes without an event before it), with the
    user's history up to that instant, as the service would have it; relevant is what the session
    holds that is new to the user and was known at T. Tuning does the same with the `tuning_days`
    before T. Raises ValueError without times, or where a side stays empty.
    """
    end_s = int(data.seconds.max()) + 1
    test_s = end_s - int(test_days * DAY_S)
    tuning_s = test_s - int(tuning_days * DAY_S)
    return Folds(
        f"temporal, last {test_days:g} days",
        tuning=_window(data, tuning_s, test_s),
        final=_window(data, test_s, end_s),
    )


def _window(data: Interactions, begin_s: int, end_s: int) -> Fold:
    at_s = data.seconds
    fit = at_s < begin_s
    candidates = np.zeros(data.item_count, np.bool_)
    candidates[data.items[fit]] = True
    starts = data.starts
    sessions = np.concatenate((session_begins(data), [len(data)]))
    users, ends, relevant = [], [], []
    for begin, stop in zip(sessions[:-1].tolist(), sessions[1:].tolist(), strict=True):
        if not begin_s <= at_s[begin] < end_s:
            continue
        known = set(data.items[starts[data.users[begin]] : begin].tolist())
        touched = dict.fromkeys(data.items[begin:stop].tolist())
        new = [item for item in touched if candidates[item] and item not in known]
        if new:
            users.append(int(data.users[begin]))
            ends.append(begin)
            relevant.append(new)
    if not users or not fit.any():
        raise ValueError(f"{data.name}: expected events on both sides of second {begin_s}, came none on one")
    chosen = np.array(users, np.int32)
    return Fold(fit, chosen, starts[chosen], np.array(ends, np.int64), Ragged.of(relevant), candidates)


def session_begins(data: Interactions) -> Longs:
    """Places of the events that begin a session: a user's first, and each after 30 minutes without one."""
    begins = np.ones(len(data), np.bool_)
    begins[1:] = (np.diff(data.users) > 0) | (np.diff(data.seconds) > SESSION_GAP_S)
    return np.flatnonzero(begins)
