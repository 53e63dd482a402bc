"""What lies before a cutoff: all that was bought, and the features of those moments that a fit is to read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.dataset import Dataset, Longs, Purchases


@dataclass(frozen=True)
class Past:
    """Moments before `cutoff_us`. What is counted is counted of all `purchases`; `dataset` has features to fit to.

    rows: [dataset] where its moments stand among the purchases, rising.
    """

    cutoff_us: int
    purchases: Purchases
    dataset: Dataset
    rows: Longs

    @classmethod
    def of(cls, dataset: Dataset, cutoff_us: int) -> Past:
        """A past of which every moment has its features."""
        return cls(cutoff_us, dataset, dataset, np.arange(len(dataset)))

    def places(self, rows: Longs) -> Longs:
        """Where the purchases at `rows` stand in the dataset. Raises LookupError where one has no features."""
        places = np.searchsorted(self.rows, rows)
        there = places < len(self.rows)
        there[there] = self.rows[places[there]] == rows[there]
        if not there.all():
            raise LookupError(f"expected the features of {len(rows)} moments, came those of {int(there.sum())}")
        return places

    def until(self, until_us: int) -> Past:
        """What of it lies before an earlier instant."""
        bought, read = (int(np.searchsorted(one.at_us, until_us)) for one in (self.purchases, self.dataset))
        dataset = self.dataset.take(np.arange(read))
        return Past(until_us, self.purchases.take(np.arange(bought)), dataset, self.rows[:read])
