"""Places by content: held against kernel ridge regression written out, and against what a fit learned of the others."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from features.instant import DAY_US
from features.tower_forward import forward
from tests.training.test_fit import CATALOGUE, CONFIG, CUTOFF_US, shop
from training.catalogue import item_content
from training.dataset import Ragged
from training.export import tower_arrays
from training.fit import fit_towers
from training.fitted import export
from training.past import Past
from training.placing import Block, by_content, content_blocks, described, with_places

Floats = NDArray[np.float32]

RIDGE = 0.3


def some_blocks() -> list[Block]:
    random = np.random.default_rng(2)
    words = (random.random((12, 7)) < 0.4).astype(np.float32)
    words[3] = 0.0
    return [Block(words), Block(np.eye(3, dtype=np.float32)[random.integers(0, 3, 12)], 0.2)]


def test_items_are_alike_by_the_cosines_of_their_blocks() -> None:
    blocks = some_blocks()
    found = described(blocks) @ described(blocks).T
    for left in range(12):
        for right in range(12):
            likeness = 0.0
            for block in blocks:
                rare = block.columns * np.log1p(12 / np.maximum(block.columns.sum(axis=0), 1.0))
                lengths = np.linalg.norm(rare[left]) * np.linalg.norm(rare[right])
                likeness += block.weight * (rare[left] @ rare[right] / lengths if lengths else 0.0)
            assert found[left, right] == pytest.approx(likeness, abs=1e-6)


def kernel_ridge(features: Floats, weights: Floats, learned: Floats) -> Floats:
    """Each known item's error counting its weight: likeness to the known ones, over likeness plus ridge by weight."""
    known = np.flatnonzero(weights)
    mean = (weights[known, None] * learned[known]).sum(axis=0) / weights.sum()
    likeness = features @ features.T
    ridge = RIDGE * np.diag(1.0 / weights[known])
    shares = np.linalg.solve(likeness[np.ix_(known, known)] + ridge, learned[known] - mean)
    return np.asarray(likeness[:, known] @ shares + mean, np.float32)


def test_a_place_is_the_kernel_ridge_regression_of_the_known_items() -> None:
    features = described(some_blocks())
    weights = np.where(np.arange(12) < 9, np.linspace(0.2, 1.0, 12), 0.0).astype(np.float32)
    learned = np.random.default_rng(4).normal(size=(12, 5)).astype(np.float32)
    found = by_content(features, weights, learned)
    assert found == pytest.approx(kernel_ridge(features, weights, learned), abs=1e-4)
    other = np.where(weights[:, None] > 0, learned, 99.0).astype(np.float32)
    assert np.array_equal(by_content(features, weights, other), found)


def test_what_nothing_is_known_of_stands_in_the_middle() -> None:
    features = np.zeros((4, 3), np.float32)
    learned = np.array([[1.0], [3.0], [8.0], [9.0]], np.float32)
    placed = by_content(features, np.array([1.0, 1.0, 0.0, 0.0], np.float32), learned)
    assert placed[2:].tolist() == [[2.0], [2.0]]
    placed = by_content(features, np.array([0.75, 0.25, 0.0, 0.0], np.float32), learned)
    assert placed[2:].tolist() == [[1.5], [1.5]]
    with pytest.raises(ValueError, match="expected items that somebody has touched, came none"):
        by_content(features, np.zeros(4, np.float32), learned)


def test_a_place_is_read_from_what_still_sells_and_its_bias_follows_growth_without_what_everybody_likes() -> None:
    random = np.random.default_rng(3)
    data = shop(400)
    gone = {4, 9}

    def kept(rows: Ragged) -> Ragged:
        return Ragged.of([[item for item in rows[row].tolist() if item not in gone] for row in range(len(rows))])

    data = replace(data, purchased=kept(data.purchased), basket=kept(data.basket))
    content = item_content(CATALOGUE)
    model = fit_towers(data, content, CUTOFF_US, replace(CONFIG, epochs=1), lambda epoch, loss: None)
    arrays = tower_arrays(model)
    arrays = replace(arrays, bias=random.normal(size=len(CATALOGUE)).astype(np.float32))
    found = with_places(arrays, content, Past.of(data, CUTOFF_US))

    newest_us = int(data.at_us.max())
    sales: dict[int, list[float]] = {item: [] for item in range(len(CATALOGUE))}
    for row in range(len(data)):
        for item in data.purchased[row].tolist():
            sales[item].append((newest_us - int(data.at_us[row])) / DAY_US)
    weights = np.array([0.5 ** (min(days) / 20) if days else 0.0 for days in sales.values()], np.float32)
    rising = np.array(
        [
            log(1 + sum(day < 28 for day in days)) - log(1 + sum(28 <= day < 56 for day in days))
            for days in sales.values()
        ]
    )
    liked = (arrays.vectors @ forward(arrays.user, data.inputs).T).mean(axis=1)
    target = arrays.bias + 0.5 * rising - liked
    target += (weights * (liked - 0.5 * rising)).sum() / weights.sum()
    learned = np.concatenate((arrays.vectors, arrays.user.history[1:], target[:, None]), axis=1)
    expected = kernel_ridge(described(content_blocks(content)), weights, learned)
    cold = sorted(gone)
    assert found.vectors[cold] == pytest.approx(expected[cold, :8], abs=1e-4)
    assert found.user.history[1:][cold] == pytest.approx(expected[cold, 8:-1], abs=1e-4)
    assert found.bias[cold] == pytest.approx(expected[cold, -1], abs=1e-4)
    others = [item for item in range(len(CATALOGUE)) if item not in gone]
    assert np.array_equal(found.vectors[others], arrays.vectors[others])
    assert np.array_equal(found.user.history[1:][others], arrays.user.history[1:][others])
    assert np.array_equal(found.bias[others], arrays.bias[others])


def test_a_fit_places_what_nobody_bought_beside_items_like_it() -> None:
    data = shop()
    hidden = 7

    def kept(rows: Ragged) -> Ragged:
        return Ragged.of([[item for item in rows[row].tolist() if item != hidden] for row in range(len(rows))])

    data = replace(data, purchased=kept(data.purchased), basket=kept(data.basket))
    content = item_content(CATALOGUE)
    model = fit_towers(data, content, CUTOFF_US, CONFIG, lambda epoch, loss: None)
    fitted = export(model, Past.of(data, CUTOFF_US), content, (1.0,))
    others = np.arange(len(CATALOGUE)) != hidden
    learned = model.items(model.items.content()).numpy()
    assert np.array_equal(fitted.arrays.vectors[others], learned[others])
    assert not np.allclose(fitted.arrays.vectors[hidden], learned[hidden])
    # Odd items are of one category, and everybody keeps to the odd or to the even ones.
    place = fitted.arrays.vectors[hidden]
    sides = [learned[others & (np.arange(len(CATALOGUE)) % 2 == side)].mean(axis=0) for side in (0, 1)]
    assert np.linalg.norm(place - sides[1]) < np.linalg.norm(place - sides[0])
    # Nobody having bought it, its own bias went down only; by content it stands where its like do.
    assert fitted.arrays.bias[hidden] > model.items.newest_bias()[hidden]
    assert fitted.arrays.kept is not None
    assert np.array_equal(fitted.arrays.kept.weights["ids"], model.items.ids.numpy())
