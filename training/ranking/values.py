"""What the ranker reads of visitors at moments of the past."""

from __future__ import annotations

from typing import Any

from features.ranking_input import RANKING_VALUES
from training.dataset import Dataset, Longs, join_features


def read_values(store: Any, service: str, dataset: Dataset, rows: Longs) -> dict[int, dict[str, Any]]:
    """Values of the visitors at `rows`, by row, as of just before, through the feature service that serving uses."""
    users, at_us = dataset.users[rows].tolist(), dataset.at_us[rows]
    return dict(zip(rows.tolist(), join_features(store, service, users, at_us, names=RANKING_VALUES), strict=True))
