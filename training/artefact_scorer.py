"""Scores by an artefact's files: what serving will answer, whatever wrote the files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contracts.model import read_manifest, verify_files
from features.tower_files import read_tower
from features.tower_forward import forward
from features.tower_input import TowerInput
from training.dataset import Dataset, Longs

Floats = NDArray[np.float32]


class ArtefactScorer:
    """A scorer for `training.evaluation`, of the model in a directory.

    Its vocabulary may be another than the dataset's; an item it does not know scores below all it knows.
    """

    def __init__(self, directory: Path) -> None:
        self.manifest = read_manifest(directory)
        verify_files(directory, self.manifest)
        self._weights, self.vocabulary, self._vectors, self._bias = read_tower(directory)

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        if dataset.vocabulary == self.vocabulary:
            return self.scores(
                TowerInput(**{field.name: getattr(dataset.inputs, field.name)[rows] for field in fields(TowerInput)})
            )
        return self._translated(dataset, rows)

    def scores(self, batch: TowerInput) -> Floats:
        """Scores [batch, items] in the artefact's own order of items."""
        scores: Floats = forward(self._weights, batch) @ self._vectors.T + self._bias
        return scores

    def _translated(self, dataset: Dataset, rows: Longs) -> Floats:
        own, theirs = self.vocabulary, dataset.vocabulary
        to_own = np.array([0, *(own.item_codes.get(item, 0) for item in theirs.items)], np.int32)
        countries = np.array([0, *(own.country_codes.get(name, 0) for name in theirs.countries)], np.int32)
        inputs = dataset.inputs
        scores = self.scores(
            TowerInput(
                items=to_own[inputs.items[rows]],
                ages=inputs.ages[rows],
                orders=inputs.orders[rows],
                actions=inputs.actions[rows],
                dense=inputs.dense[rows],
                country=countries[inputs.country[rows]],
            )
        )
        lowest = scores.min(axis=1, keepdims=True) - 1.0
        return np.concatenate((lowest, scores), axis=1)[:, to_own[1:]]
