"""One step of the biases against finite differences of the loss, and a stream of them against naive loops."""

from __future__ import annotations

from math import exp, inf, log, sqrt

import numpy as np
import pytest

from training.online_biases import OnlineBiases, gradient


def loss(logits: list[float], basket: list[int]) -> float:
    """-mean(log softmax(logits)[basket]), from the definition."""
    total = sum(exp(logit) for logit in logits)
    return -sum(log(exp(logits[item]) / total) for item in basket) / len(basket)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    logits, basket, width = [0.3, -1.2, 2.0, 0.0, -inf, 0.7], [1, 2, 5], 1e-6
    found = gradient(np.array(logits), np.array(basket, np.int32))
    for item in range(len(logits)):
        up, down = ([*logits[:item], logits[item] + by, *logits[item + 1 :]] for by in (width, -width))
        assert found[item] == pytest.approx((loss(up, basket) - loss(down, basket)) / (2 * width), abs=1e-8)
    assert found[4] == 0.0


def test_a_stream_is_the_steps_one_after_another_each_from_what_the_earlier_left() -> None:
    random = np.random.default_rng(3)
    online, expected = OnlineBiases(6, 0.5), [0.0] * 6
    for _ in range(20):
        scores = random.normal(size=6)
        scores[random.integers(6)] = -inf
        basket = random.choice(6, size=random.integers(1, 4), replace=False).astype(np.int32)
        online.learn(scores, basket)
        shown = [item for item in basket.tolist() if scores[item] != -inf]
        if shown:
            grown = [exp(score + bias) for score, bias in zip(scores.tolist(), expected, strict=True)]
            for item in range(6):
                wanted = 1 / len(shown) if item in shown else 0.0
                expected[item] += 0.5 * sqrt(len(shown)) * (wanted - grown[item] / sum(grown))
    np.testing.assert_allclose(online.values, expected, atol=1e-12)
    assert np.abs(online.values).max() > 0.5


def test_a_basket_of_nothing_that_could_be_shown_teaches_nothing() -> None:
    online = OnlineBiases(3, 0.5)
    assert not online.learn(np.array([1.0, -inf, 0.0]), np.array([1], np.int32))
    assert not online.learn(np.array([1.0, 0.0, 0.0]), np.array([], np.int32))
    assert not online.values.any()


def test_numbers_of_any_size_stay_finite() -> None:
    online = OnlineBiases(2, 0.5)
    assert online.learn(np.array([1e4, -1e4]), np.array([1], np.int32))
    np.testing.assert_allclose(online.values, [-0.5, 0.5])
