"""What the ranker reads of visitors at moments of the past."""

from __future__ import annotations

from typing import Any

from features.ranking_input import RANKING_VALUES
from training.dataset import Dataset, Longs, join_features
from training.labels import Moment


def read_values(store: Any, service: str, dataset: Dataset, rows: Longs) -> dict[int, dict[str, Any]]:
    """Values of the visitors at `rows`, by row, as of just before, through the feature service that serving uses."""
    moments = [Moment(str(dataset.users[row]), int(dataset.at_us[row]), frozenset(), frozenset()) for row in rows]
    return dict(zip(rows.tolist(), join_features(store, service, moments, names=RANKING_VALUES), strict=True))
