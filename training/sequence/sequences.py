"""Users' events as the sequence model reads them, and the batches cut from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.sequence_input import SequenceInput
from training.dataset import Ints, Longs, Ragged
from training.sequence.config import SequenceConfig
from training.sequence.trends import EventTrends

# Sequences of like length share a batch; this much noise in the order keeps the batches changing.
_LENGTH_NOISE = 16
# Lengths of batches are rounded up to a multiple of this.
_ROUNDING = 10
_DAY_S = 86_400


@dataclass(frozen=True)
class Sequences:
    """items, actions, gaps: one row a user, oldest event first, aligned; attributes: [users, columns].

    Items and actions are codes from 1. A gap is the bucket (`features.sequence_input.gap_bucket`) of the
    time from the event to the next one, 0 where times are unknown. contexts: [events, columns] codes from 1, 0
    where unknown: what was known of each event before it happened. asked: [events], whether a model is to find it.
    opens: [events], false where an event is asked for together with the one before it; None where none is.
    """

    items: Ragged
    actions: Ragged
    gaps: Ragged
    contexts: Ints
    attributes: Ints
    asked: NDArray[np.bool_]
    trends: EventTrends | None = None
    opens: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Batch:
    """`inputs` and, of the same shape, the next item's code at each place: 0 where none is asked for; askers: the place
    whose vector is asked for it, that one or an earlier. trends: [targets, items, features] float16 as of each target,
    in the order of rows and places; features may be none.
    """

    inputs: SequenceInput
    targets: Ints
    askers: Ints
    trends: NDArray[np.float16]


class Batches:
    """Batches of every sequence with an event to ask for, the same for the same seed and epoch.

    That is one of two events or more, or of one where sequences begin before the first.
    """

    def __init__(self, sequences: Sequences, config: SequenceConfig) -> None:
        self._sequences, self._config = sequences, config
        self._lengths = sequences.items.lengths
        self._users = np.flatnonzero(self._asked(self._lengths) > 0)
        if not len(self._users):
            raise ValueError("expected sequences with an event to ask for, came none")

    def steps(self) -> int:
        """Batches of an epoch; a random cut moves no sequence to another length."""
        return len(self._groups(np.random.default_rng(self._config.seed)))

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, in random order."""
        random = np.random.default_rng((self._config.seed, number))
        groups = self._groups(random)
        for place in random.permutation(len(groups)):
            yield self._batch(groups[place], random)

    def _widths(self) -> Longs:
        widths: Longs = np.minimum(self._asked(self._lengths), self._config.length)
        return widths

    def _asked(self, lengths: Longs) -> Longs:
        return lengths if self._config.begins else lengths - 1

    def _groups(self, random: np.random.Generator) -> list[Longs]:
        widths = self._widths()[self._users]
        order = np.argsort(widths + random.integers(0, _LENGTH_NOISE, len(widths)), kind="stable")
        budget = self._config.batch * self._config.length
        groups, begin, widest = [], 0, 0
        for place, index in enumerate(order):
            wider = max(widest, int(widths[index]))
            if place > begin and (place - begin + 1) * wider > budget:
                groups.append(self._users[order[begin:place]])
                begin, wider = place, int(widths[index])
            widest = wider
        return [*groups, self._users[order[begin:]]]

    def _batch(self, users: Longs, random: np.random.Generator) -> Batch:
        longest = self._config.length
        counts = self._widths()[users]
        width = min(-(-int(counts.max()) // _ROUNDING) * _ROUNDING, longest)
        ends = np.array([self._end(int(self._lengths[user]), random) for user in users], np.int64)
        inputs = read_before(self._sequences, users, ends - 1, width, counts=counts)
        targets, events = np.zeros((len(users), width), np.int32), np.zeros((len(users), width), np.int64)
        askers = np.tile(np.arange(width, dtype=np.int32), (len(users), 1))
        for row, (user, end, count) in enumerate(zip(users, ends, counts, strict=True)):
            last = int(self._sequences.items.starts[user] + end)
            place = slice(last - int(count), last)
            targets[row, width - count :] = np.where(self._sequences.asked[place], self._sequences.items.flat[place], 0)
            events[row, width - count :] = np.arange(place.start, place.stop)
            if self._sequences.opens is not None:
                askers[row, width - count :] = _opened(self._sequences.opens[place], width - int(count))
        # What was begun before the first place read is asked for by none.
        targets[askers < 0] = 0
        trends = self._sequences.trends
        if trends is None:
            return Batch(inputs, targets, askers, np.zeros((int((targets > 0).sum()), 0, 0), np.float16))
        lags_s = (random.random(len(users)) * self._config.candidate_lag_days * _DAY_S).astype(np.int64)
        rows, places = np.nonzero(targets)
        listed = trends.first_s[targets[rows, places] - 1] < trends.at_s[events[rows, places]] - lags_s[rows]
        targets[rows[~listed], places[~listed]] = 0
        return Batch(inputs, targets, askers, trends.dense(events[targets > 0], lags_s[np.nonzero(targets)[0]]))

    def _end(self, length: int, random: np.random.Generator) -> int:
        longest = self._config.length + 1
        if length <= longest or random.random() >= self._config.earlier_windows:
            return length
        return int(random.integers(longest, length + 1))


def _opened(opens: NDArray[np.bool_], first: int) -> Ints:
    """The place, counted from `first`, of the newest opening up to each; -1 before any."""
    places: Ints = np.maximum.accumulate(np.where(opens, first + np.arange(len(opens)), -1)).astype(np.int32)
    return places


def newest(sequences: Sequences, users: Longs, ends: Longs, length: int) -> SequenceInput:
    """What the tower reads of each user's events before `ends` (counted from the user's first): the newest `length`.

    The newest place has the context of the event at `ends`, the one to be guessed; unknown where there is none.
    """
    return read_before(sequences, users, ends, length, counts=np.full(len(users), length))


def read_before(sequences: Sequences, users: Longs, ends: Longs, length: int, *, counts: Longs) -> SequenceInput:
    """The same with at most `counts` places a row; a place before the first event has the first one's context alone."""
    items, actions, gaps = (np.zeros((len(users), length), np.int32) for _ in range(3))
    contexts = np.zeros((len(users), length, sequences.contexts.shape[1]), np.int32)
    for row, (user, end, count) in enumerate(zip(users, ends, counts, strict=True)):
        start, stop = (int(place) for place in sequences.items.starts[user : user + 2])
        here = start + int(end)
        first = max(start, here - int(count))
        read, there = slice(first, here), slice(length - (here - first), length)
        items[row, there] = sequences.items.flat[read]
        actions[row, there] = sequences.actions.flat[read]
        gaps[row, there] = sequences.gaps.flat[read]
        # A place is read with what was known of the event after it.
        begin = max(start, here - int(count) + 1)
        known = sequences.contexts[begin : min(here + 1, stop)]
        beyond = here + 1 - min(here + 1, stop)
        contexts[row, length - beyond - len(known) : length - beyond] = known
    return SequenceInput(items, actions, gaps, contexts, sequences.attributes[users])
