"""Users' events as the sequence model reads them, and the batches cut from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.sequence_input import SequenceInput
from training.dataset import Ints, Longs, Ragged
from training.sequence.config import SequenceConfig

# Sequences of like length share a batch; this much noise in the order keeps the batches changing.
_LENGTH_NOISE = 16
# Lengths of batches are rounded up to a multiple of this.
_ROUNDING = 10


@dataclass(frozen=True)
class Sequences:
    """items, actions, gaps: one row a user, oldest event first, aligned; attributes: [users, columns].

    Items and actions are codes from 1. A gap is the bucket (`features.sequence_input.gap_bucket`) of the
    time from the event to the next one, 0 where times are unknown.
    """

    items: Ragged
    actions: Ragged
    gaps: Ragged
    attributes: Ints

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Batch:
    """`inputs` and, of the same shape, the next item's code at each place: 0 beyond the sequence."""

    inputs: SequenceInput
    targets: Ints


class Batches:
    """Batches of every sequence of two events or more, the same for the same seed and epoch."""

    def __init__(self, sequences: Sequences, config: SequenceConfig) -> None:
        self._sequences, self._config = sequences, config
        self._lengths = sequences.items.lengths
        self._users = np.flatnonzero(self._lengths > 1)
        if not len(self._users):
            raise ValueError("expected sequences of two events or more, came none")

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
        widths: Longs = np.minimum(self._lengths - 1, self._config.length)
        return widths

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
        widest = int(self._widths()[users].max())
        width = min(-(-widest // _ROUNDING) * _ROUNDING, self._config.length)
        items, actions, gaps, targets = (np.zeros((len(users), width), np.int32) for _ in range(4))
        for row, user in enumerate(users):
            end = self._end(int(self._lengths[user]), random)
            count = min(end - 1, self._config.length)
            begin = int(self._sequences.items.starts[user]) + end - 1 - count
            place = slice(begin, begin + count)
            items[row, width - count :] = self._sequences.items.flat[place]
            actions[row, width - count :] = self._sequences.actions.flat[place]
            gaps[row, width - count :] = self._sequences.gaps.flat[place]
            targets[row, width - count :] = self._sequences.items.flat[begin + 1 : begin + count + 1]
        return Batch(SequenceInput(items, actions, gaps, self._sequences.attributes[users]), targets)

    def _end(self, length: int, random: np.random.Generator) -> int:
        longest = self._config.length + 1
        if length <= longest or random.random() >= self._config.earlier_windows:
            return length
        return int(random.integers(longest, length + 1))


def newest(sequences: Sequences, users: NDArray[np.int64], ends: Longs, length: int) -> SequenceInput:
    """What the tower reads of each user's events before `ends` (counted from the user's first): the newest `length`."""
    items, actions, gaps = (np.zeros((len(users), length), np.int32) for _ in range(3))
    for row, (user, end) in enumerate(zip(users, ends, strict=True)):
        start = int(sequences.items.starts[user])
        count = min(int(end), length)
        place = slice(start + int(end) - count, start + int(end))
        items[row, length - count :] = sequences.items.flat[place]
        actions[row, length - count :] = sequences.actions.flat[place]
        gaps[row, length - count :] = sequences.gaps.flat[place]
    return SequenceInput(items, actions, gaps, sequences.attributes[users])
