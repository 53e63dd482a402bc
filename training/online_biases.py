"""Item biases that follow the purchases between two fits, by streaming SGD of the softmax; numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

# Chosen on the five periods before those that `bench.online_biases` measures: for retrieval's scores, and for the
# ranker's logits where one decides the order.
RATE, RANKED_RATE = 0.3, 0.2


class OnlineBiases:
    """Biases [items], zero at first. A user's own would move every item alike, and no list."""

    def __init__(self, items: int, rate: float) -> None:
        self.values: Doubles = np.zeros(items)
        self._rate = rate

    def learn(self, scores: Doubles, basket: Ints) -> bool:
        """Take one step from a moment at which the items `basket` were bought for the first time.

        `scores` [items] are the model's own, -inf where it would not show an item; of the basket only what it might
        have shown counts. The loss is -mean(log softmax(scores + biases)[basket]), and m items weigh sqrt(m), as in a
        fit. False where there is nothing to learn.
        """
        shown = basket[np.isfinite(scores[basket])]
        if not len(shown):
            return False
        self.values -= self._rate * np.sqrt(len(shown)) * gradient(scores + self.values, shown)
        return True


def gradient(logits: Doubles, basket: Ints) -> Doubles:
    """Of the loss by the logits [items]: the softmax, less 1 / m at each of the basket's m items."""
    chances = np.exp(logits - logits.max())
    slope: Doubles = chances / chances.sum()
    slope[basket] -= 1.0 / len(basket)
    return slope
