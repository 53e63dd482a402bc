"""Folds of a data set small enough to reckon by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.quality.folds import Fold, global_temporal, leave_one_out, validation_fold
from tests.bench.quality.small import small


def users(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def cases(fold: Fold) -> list[tuple[int, list[int], list[int]]]:
    items = small().items
    return [
        (int(user), items[start:end].tolist(), fold.relevant[case].tolist())
        for case, (user, start, end) in enumerate(zip(fold.users, fold.starts, fold.ends, strict=True))
    ]


def test_leave_one_out_asks_everybody_for_the_last_event() -> None:
    folds = leave_one_out(small(timed=False), users(0), users())
    assert cases(folds.final) == [(0, [0, 1, 2], [3]), (1, [1, 2, 2, 4], [5]), (2, [0, 3, 1], [2])]
    assert np.flatnonzero(~folds.final.fit).tolist() == [3, 8, 12]
    assert folds.final.candidates.all()


def test_tuning_sees_neither_the_last_events_nor_the_ones_it_asks_for() -> None:
    folds = leave_one_out(small(timed=False), users(0, 2), users(1))
    assert cases(folds.tuning) == [(0, [0, 1], [2]), (2, [0, 3], [1])]
    assert np.flatnonzero(~folds.tuning.fit).tolist() == [2, 3, 8, 11, 12]
    # The final fit leaves out the watched user's last but one alone.
    assert np.flatnonzero(~folds.final.fit).tolist() == [3, 7, 8, 12]
    watched = validation_fold(small(timed=False), folds.final, users(1))
    assert cases(watched) == [(1, [1, 2, 2], [4])]


def test_a_temporal_fold_learns_from_before_alone_and_asks_for_what_is_new_and_known() -> None:
    # The last event is at hour 103: four hours back is just after hour 99. Items 4 and 5 are unknown then.
    final = global_temporal(small(), test_days=4 / 24, tuning_days=95 / 24).final
    assert np.flatnonzero(final.fit).tolist() == [0, 1, 2, 4, 5, 9, 10]
    assert np.flatnonzero(final.candidates).tolist() == [0, 1, 2, 3]
    # User 1 touches the 2 again and then what nobody knew: nothing to find.
    assert cases(final) == [(0, [0, 1, 2], [3]), (2, [0, 3], [1, 2])]


def test_each_session_of_the_window_is_a_case_with_what_went_before_it() -> None:
    data = small()
    assert data.at_s is not None
    at_s = data.at_s.copy()
    # User 2 now comes back for item 2 after an hour instead of at once: at hour 104.
    at_s[12] += 3600
    final = global_temporal(replace(data, at_s=at_s), test_days=5 / 24, tuning_days=94 / 24).final
    assert cases(final)[1:] == [(2, [0, 3], [1]), (2, [0, 3, 1], [2])]


def test_without_times_there_is_no_temporal_split() -> None:
    with pytest.raises(ValueError, match="expected times of events"):
        global_temporal(small(timed=False), test_days=1, tuning_days=1)


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(ValueError, match="expected events on both sides"):
        global_temporal(small(), test_days=4 / 24, tuning_days=100)
