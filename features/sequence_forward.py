"""The transformer user tower's forward pass in numpy, for one visitor: equal to the trained one, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from features.sequence_input import SequenceInput

Floats = NDArray[np.float32]

_EPSILON = np.float32(1e-6)
_UNSEEN = np.float32(-1e9)


@dataclass(frozen=True)
class BlockWeights:
    """One block. Norms: [dim] gains and shifts. mixed: [dim, 4 dim] to queries, keys, values and gate; joined:
    [dim, dim]; distances: [heads, length]; opened: [dim, 2 inner], closed: [inner, dim], and their shifts.
    """

    attention_gain: Floats
    attention_shift: Floats
    mixed: Floats
    joined: Floats
    distances: Floats
    inner_gain: Floats
    inner_shift: Floats
    opened: Floats
    opened_shift: Floats
    closed: Floats
    closed_shift: Floats


@dataclass(frozen=True)
class SequenceWeights:
    """The user tower. vectors: [items + 1, dim], row 0 padding; places: [length, dim], the newest last; actions, gaps:
    [codes, dim]; attributes, contexts: [values of all columns, dim], offsets, context_offsets: [columns] where each
    column's begin. begins: 1 where a sequence is read from the padding before its first event on. half_lives_days:
    those of `features.item_trends`, whose features trends [dim, features] and trend_shift [features] weigh for a
    visitor; tastes: [items, taste dim], whose mean is a visitor's taste. All four are empty without trends.
    """

    vectors: Floats
    places: Floats
    actions: Floats
    gaps: Floats
    attributes: Floats
    offsets: NDArray[np.int32]
    contexts: Floats
    context_offsets: NDArray[np.int32]
    begins: NDArray[np.int32]
    half_lives_days: Floats
    tastes: Floats
    trends: Floats
    trend_shift: Floats
    gain: Floats
    shift: Floats
    blocks: tuple[BlockWeights, ...]

    def arrays(self) -> dict[str, Any]:
        """By name, as `from_arrays` takes them: what a file holds."""
        named: dict[str, Any] = {name: value for name, value in vars(self).items() if name != "blocks"}
        for place, block in enumerate(self.blocks):
            named |= {f"block_{place}_{name}": value for name, value in vars(block).items()}
        return named

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> SequenceWeights:
        """The weights of a file. Raises KeyError where one is missing."""
        names = [name for name in cls.__dataclass_fields__ if name != "blocks"]
        count = sum(name.endswith("_mixed") for name in arrays)
        blocks = tuple(
            BlockWeights(**{name: arrays[f"block_{place}_{name}"] for name in BlockWeights.__dataclass_fields__})
            for place in range(count)
        )
        return cls(**{name: arrays[name] for name in names}, blocks=blocks)


def forward_one(weights: SequenceWeights, inputs: SequenceInput, row: int = 0) -> Floats:
    """The vector [dim + features] of one visitor of a batch, at the newest place: taste, then weights of trends.

    Only the events that are there are read, and the last block computes its newest place alone: no other is asked for.
    """
    length = len(weights.places)
    items = inputs.items[row][-length:]
    first = int(np.argmax(items > 0)) if items.any() else len(items) - 1
    if weights.begins and items.any():
        first = max(0, first - 1)
    present = slice(first, len(items))
    count = len(items) - first
    states = weights.vectors[items[present]] + weights.places[length - count :]
    states += weights.actions[inputs.actions[row][-length:][present]]
    states += weights.gaps[inputs.gaps[row][-length:][present]]
    states += weights.attributes[inputs.attributes[row] + weights.offsets].sum(axis=0)
    contexts = inputs.contexts[row][-length:][present] + weights.context_offsets
    states += weights.contexts[contexts].sum(axis=1)
    states *= np.float32(sqrt(states.shape[1]))
    for block in weights.blocks[:-1]:
        states = _block(block, states, states)
    newest = _block(weights.blocks[-1], states, states[-1:])
    vector: Floats = _norm(newest, weights.gain, weights.shift)[0]
    return np.concatenate((vector, vector @ weights.trends + weights.trend_shift))


def forward(weights: SequenceWeights, inputs: SequenceInput) -> Floats:
    """Vectors [batch, dim + features]."""
    return np.stack([forward_one(weights, inputs, row) for row in range(len(inputs.items))])


def offered(weights: SequenceWeights, trends: Floats) -> Floats:
    """Vectors [items, dim + features] to multiply `forward`'s with, as of one instant's trends [items, features]."""
    return np.concatenate((weights.vectors[1:], trends), axis=1)


def _block(block: BlockWeights, states: Floats, asked: Floats) -> Floats:
    """The states [asked, dim] after a block; `asked` are the newest of `states` [length, dim]."""
    heads, dim = len(block.distances), states.shape[1]
    length, count = len(states), len(asked)
    normed = _norm(states, block.attention_gain, block.attention_shift)
    keys_values = normed @ block.mixed[:, dim : 3 * dim]
    newest = normed[length - count :]
    query = newest @ (block.mixed[:, :dim] * np.float32(sqrt(heads / dim)))
    gate = newest @ block.mixed[:, 3 * dim :]
    read = np.empty_like(query)
    for head, biases in enumerate(block.distances):
        columns = slice(head * dim // heads, (head + 1) * dim // heads)
        logits = query[:, columns] @ keys_values[:, columns].T + _by_distance(biases, length)[length - count :]
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        read[:, columns] = weights @ keys_values[:, dim:][:, columns]
    states = np.asarray(asked + (read * _silu(gate)) @ block.joined, np.float32)
    opened = _norm(states, block.inner_gain, block.inner_shift) @ block.opened + block.opened_shift
    inner = opened.shape[1] // 2
    closed = (_silu(opened[:, :inner]) * opened[:, inner:]) @ block.closed + block.closed_shift
    result: Floats = np.asarray(states + closed, np.float32)
    return result


def _by_distance(biases: Floats, length: int) -> Floats:
    """[length, length]: at row i and column j the bias of distance i - j; unseen where j > i. A view."""
    later = np.full(length - 1, _UNSEEN, np.float32)
    falling = np.concatenate((biases[:length][::-1], later))
    return sliding_window_view(falling, length)[::-1]


def _norm(values: Floats, gain: Floats, shift: Floats) -> Floats:
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + _EPSILON) * gain + shift, np.float32)


def _silu(values: Floats) -> Floats:
    return np.asarray(values / (1.0 + np.exp(-values)), np.float32)
