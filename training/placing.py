"""Where an item stands that nobody has touched: by ridge regression from content onto what was learned of the others.

An attribute-to-feature mapping (Gantner et al. 2010). Content's own part of a tower's vectors was learned beside
ids that explain most, and says less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.artefact import TowerArrays
from training.catalogue import PRICE_BUCKETS, ItemContent

Floats = NDArray[np.float32]
Known = NDArray[np.bool_]

_RIDGE = 0.3
# The share of category and of price beside the words' in the likeness of two items.
_BESIDE_WORDS = 0.2


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


def by_content(features: Floats, known: Known, learned: Floats) -> Floats:
    """[items, columns]: what the content says of `learned` [items, columns], read from the known items alone.

    features: [items, names]. Raises ValueError where no item is known.
    """
    if not known.any():
        raise ValueError("expected items that somebody has touched, came none")
    there = features[known].astype(np.float64)
    mean = learned[known].mean(axis=0, dtype=np.float64)
    squares = there.T @ there + _RIDGE * np.eye(there.shape[1])
    said = np.linalg.solve(squares, there.T @ (learned[known] - mean))
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


def with_places(arrays: TowerArrays, content: ItemContent, known: Known) -> TowerArrays:
    """The towers where items that are not `known` [items] have vectors and bias by content.

    What training goes on from stays as it was learned.
    """
    if known.all():
        return arrays
    history = arrays.user.history
    learned = np.concatenate((arrays.vectors, history[1:], arrays.bias[:, None]), axis=1)
    placed = by_content(described(content_blocks(content)), known, learned)
    placed = np.where(known[:, None], learned, placed).astype(np.float32)
    dim = arrays.vectors.shape[1]
    user = replace(arrays.user, history=np.concatenate((history[:1], placed[:, dim:-1])))
    return replace(arrays, user=user, vectors=placed[:, :dim].copy(), bias=placed[:, -1].copy())
