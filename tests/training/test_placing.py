"""Places by content: held against kernel ridge regression written out, and against what a fit learned of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_fit import CATALOGUE, CONFIG, CUTOFF_US, shop
from training.catalogue import item_content
from training.dataset import Ragged
from training.fit import fit_towers
from training.fitted import export
from training.placing import Block, by_content, described

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


def test_a_place_is_the_kernel_ridge_regression_of_the_known_items() -> None:
    features = described(some_blocks())
    known = np.arange(12) < 9
    learned = np.random.default_rng(4).normal(size=(12, 5)).astype(np.float32)
    mean = learned[:9].mean(axis=0)
    likeness = features @ features.T
    weights = np.linalg.solve(likeness[:9, :9] + RIDGE * np.eye(9), learned[:9] - mean)
    expected = likeness[:, :9] @ weights + mean
    assert by_content(features, known, learned) == pytest.approx(expected, abs=1e-4)
    other = np.where(known[:, None], learned, 99.0).astype(np.float32)
    assert np.array_equal(by_content(features, known, other), by_content(features, known, learned))


def test_what_nothing_is_known_of_stands_in_the_middle() -> None:
    features = np.zeros((4, 3), np.float32)
    learned = np.array([[1.0], [3.0], [8.0], [9.0]], np.float32)
    known = np.array([True, True, False, False])
    assert by_content(features, known, learned)[2:].tolist() == [[2.0], [2.0]]
    with pytest.raises(ValueError, match="expected items that somebody has touched, came none"):
        by_content(features, np.zeros(4, np.bool_), learned)


def test_a_fit_places_what_nobody_bought_beside_items_like_it() -> None:
    data = shop()
    hidden = 7

    def kept(rows: Ragged) -> Ragged:
        return Ragged.of([[item for item in rows[row].tolist() if item != hidden] for row in range(len(rows))])

    data = replace(data, purchased=kept(data.purchased), basket=kept(data.basket))
    content = item_content(CATALOGUE)
    model = fit_towers(data, content, CUTOFF_US, CONFIG, lambda epoch, loss: None)
    fitted = export(model, data, content, (1.0,))
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
