"""How much each item was bought of late, as of each day: what is in fashion moves faster than taste."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.instant import DAY_US
from training.dataset import Ints, Longs, Purchases

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Trends:
    """log_counts: [days, half-lives, items] float32, log(1 + decayed purchases before that day's midnight).

    The last day is that of the cutoff: what a model fitted then may know.
    """

    first_day: int
    log_counts: Floats

    def places(self, at_us: Longs) -> Ints:
        """The row of each instant's day. Raises ValueError outside the days counted."""
        places = at_us // DAY_US - self.first_day
        if len(places) and (places.min() < 0 or places.max() >= len(self.log_counts)):
            raise ValueError(f"expected instants within {len(self.log_counts)} days from day {self.first_day}")
        return places.astype(np.int32)

    @property
    def newest(self) -> Floats:
        """[half-lives, items], as of the cutoff."""
        newest: Floats = self.log_counts[-1]
        return newest


def daily_trends(purchases: Purchases, cutoff_us: int, half_lives_days: tuple[float, ...]) -> Trends:
    """Counts day by day, from the first moment's day to the cutoff's; a day never counts itself."""
    first = int(purchases.at_us.min()) // DAY_US
    days = cutoff_us // DAY_US - first + 1
    items = len(purchases.vocabulary.items)
    line_days = np.repeat(purchases.at_us // DAY_US - first, purchases.purchased.lengths)
    sold = np.zeros((days, items))
    before = line_days < days
    np.add.at(sold, (line_days[before], purchases.purchased.flat[before]), 1.0)
    fading = np.exp2(-1.0 / np.array(half_lives_days))[:, None]
    counts = np.zeros((days, len(half_lives_days), items))
    for day in range(1, days):
        counts[day] = (counts[day - 1] + sold[day - 1]) * fading
    return Trends(first, np.log1p(counts).astype(np.float32))
