"""Puts retrieval's candidates in a better order, by the ranker that came with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from contracts.item import Item
from features.ranking_files import RankerFile
from features.ranking_forward import calibrated, forward
from features.ranking_input import Candidates, ranking_input
from features.ranking_items import ItemTable
from serving.index import Floats, Hit


class Ranker:
    """Immutable. Scores are chances that the visitor takes the item next."""

    def __init__(
        self, file: RankerFile, items: Sequence[Item], placed: Mapping[str, str], biases: Floats | None = None
    ) -> None:
        """`items` by row of the model; an item of `placed` is taken for the one beside which it stands.

        `biases` [items], where there are any, are added to the logits. Raises ValueError where the file is of another
        model's items.
        """
        self._weights = file.weights
        self._table = ItemTable(items, file.statistics)
        self._rows = {**self._table.rows, **{new: self._table.rows[known] for new, known in placed.items()}}
        self._biases = biases
        self.depth = file.depth

    def rank(self, values: Mapping[str, Any], hits: Sequence[Hit]) -> list[Hit]:
        """The hits, retrieval's best first, in the ranker's order; equal chances stay as they were."""
        if not hits:
            return []
        rows = np.array([self._rows[hit.item_id] for hit in hits], np.int32)
        scores = np.array([hit.score for hit in hits], np.float32)
        logits = forward(self._weights, ranking_input(values, Candidates(rows, scores), self._table))
        if not np.isfinite(logits).all():
            raise ValueError("ranker: expected finite logits, came infinities or not-a-numbers")
        if self._biases is not None:
            logits = logits + self._biases[rows]
        chances = calibrated(self._weights, logits).astype(float).tolist()
        return [Hit(hits[place].item_id, chances[place]) for place in np.argsort(-logits, kind="stable").tolist()]
