"""Where an item stands that nobody has touched: by ridge regression from content onto what was learned of the others.

An attribute-to-feature mapping (Gantner et al. 2010). Content's own part of a tower's vectors was learned beside
ids that explain most, and says less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.tower_forward import forward
from training.artefact import TowerArrays
from training.catalogue import PRICE_BUCKETS, ItemContent
from training.dataset import Dataset
from training.past import Past
from training.selling import growth, still_sold

Floats = NDArray[np.float32]

_RIDGE = 0.3
# The share of category and of price beside the words' in the likeness of two items.
_BESIDE_WORDS = 0.2
# How much of the last weeks' growth goes on.
_GROWTH_SHARE = 0.5
# Moments that say where the mean visitor stands.
NEWEST = 1024


@dataclass(frozen=True)
class Block:
    """Columns [items, names] of 0 and 1, such as words, and what they weigh in the likeness of two items."""

    columns: Floats
    weight: float = 1.0


def described(blocks: Sequence[Block]) -> Floats:
    """[items, names of all blocks] float32: in each block rare names count more, and every item the same.

    Rows' products are the sum of the blocks' cosines by inverse document frequency, weighted.
    """
    parts = []
    for block in blocks:
        having = np.maximum(block.columns.sum(axis=0), 1.0)
        rare = block.columns * np.log1p(len(block.columns) / having)
        lengths = np.maximum(np.linalg.norm(rare, axis=1, keepdims=True), 1e-9)
        parts.append(np.sqrt(block.weight) * rare / lengths)
    return np.concatenate(parts, axis=1).astype(np.float32)


def by_content(features: Floats, weights: Floats, learned: Floats) -> Floats:
    """[items, columns]: what the content says of `learned` [items, columns], read from items of a weight above 0.

    features: [items, names]; weights: [items], what an item counts in the regression.
    Raises ValueError where none has any.
    """
    known = weights > 0.0
    if not known.any():
        raise ValueError("expected items that somebody has touched, came none")
    there, weighing = features[known].astype(np.float64), weights[known].astype(np.float64)[:, None]
    mean = np.average(learned[known].astype(np.float64), axis=0, weights=weighing[:, 0])
    squares = there.T @ (weighing * there) + _RIDGE * np.eye(there.shape[1])
    said = np.linalg.solve(squares, there.T @ (weighing * (learned[known] - mean)))
    placed: Floats = (features @ said + mean).astype(np.float32)
    return placed


def content_blocks(content: ItemContent) -> tuple[Block, ...]:
    """Words of the description, category and price bucket."""
    items = len(content.words)
    words = np.zeros((items, len(content.vocabulary) + 1), np.float32)
    words[np.arange(items)[:, None], content.words] = 1.0
    categories = np.eye(len(content.category_names), dtype=np.float32)[content.categories]
    prices = np.eye(PRICE_BUCKETS, dtype=np.float32)[content.prices]
    return Block(words[:, 1:]), Block(categories, _BESIDE_WORDS), Block(prices, _BESIDE_WORDS)


def with_places(arrays: TowerArrays, content: ItemContent, past: Past) -> TowerArrays:
    """The towers where items that nobody bought in the past, what they were fitted to, stand by content.

    They are placed by items still sold; bias also by what sells more of late, and less by what the mean visitor
    likes of a vector, which would say twice how popular its like are. What training goes on from stays as learned.
    """
    weights = still_sold(past.purchases)
    known = weights > 0.0
    if known.all():
        return arrays
    history, vectors = arrays.user.history, arrays.vectors
    rising = growth(past.purchases)
    liked = vectors @ _mean_visitor(arrays, past.dataset)
    bias = arrays.bias + _GROWTH_SHARE * _beyond_mean(rising, weights) - _beyond_mean(liked, weights)
    placed = by_content(
        described(content_blocks(content)), weights, np.concatenate((vectors, history[1:], bias[:, None]), axis=1)
    )
    dim = vectors.shape[1]
    learned = np.where(known[:, None], history[1:], placed[:, dim:-1])
    return replace(
        arrays,
        user=replace(arrays.user, history=np.concatenate((history[:1], learned)).astype(np.float32)),
        vectors=np.where(known[:, None], vectors, placed[:, :dim]).astype(np.float32),
        bias=np.where(known, arrays.bias, placed[:, -1]).astype(np.float32),
    )


def _mean_visitor(arrays: TowerArrays, dataset: Dataset) -> Floats:
    """[dim]: the mean vector of the newest moments."""
    newest = dataset.inputs.take(np.arange(max(0, len(dataset) - NEWEST), len(dataset)))
    mean: Floats = forward(arrays.user, newest).mean(axis=0)
    return mean


def _beyond_mean(values: Floats, weights: Floats) -> Floats:
    beyond: Floats = values - np.average(values, weights=weights)
    return beyond
