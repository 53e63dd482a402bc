"""Scores by an artefact's files: what serving will answer, whatever wrote the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contracts.model import read_manifest, verify_files
from features.tower_files import read_tower
from features.tower_forward import forward
from features.tower_input import TowerInput
from training.artefact import TowerArrays
from training.dataset import Dataset, Longs

Floats = NDArray[np.float32]


class TowerScorer:
    """A scorer for `training.evaluation`, of towers over the dataset's own vocabulary."""

    def __init__(self, arrays: TowerArrays) -> None:
        self._arrays = arrays

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        return self.scores(dataset.inputs.take(rows))

    def scores(self, batch: TowerInput) -> Floats:
        """Scores [batch, items] in the towers' own order of items."""
        arrays = self._arrays
        scores: Floats = forward(arrays.user, batch) @ arrays.vectors.T + arrays.bias
        return scores


class ArtefactScorer(TowerScorer):
    """A scorer of the model in a directory.

    Its vocabulary may be another than the dataset's; an item it does not know scores below all it knows.
    """

    def __init__(self, directory: Path) -> None:
        self.manifest = read_manifest(directory)
        verify_files(directory, self.manifest)
        files = read_tower(directory)
        super().__init__(TowerArrays(files.weights, files.vectors, files.bias))
        self.vocabulary = files.vocabulary

    def __call__(self, dataset: Dataset, rows: Longs) -> Floats:
        if dataset.vocabulary == self.vocabulary:
            return super().__call__(dataset, rows)
        return self._translated(dataset, rows)

    def _translated(self, dataset: Dataset, rows: Longs) -> Floats:
        own, theirs = self.vocabulary, dataset.vocabulary
        to_own = np.array([0, *(own.item_codes.get(item, 0) for item in theirs.items)], np.int32)
        countries = np.array([0, *(own.country_codes.get(name, 0) for name in theirs.countries)], np.int32)
        inputs = dataset.inputs.take(rows)
        scores = self.scores(replace(inputs, items=to_own[inputs.items], country=countries[inputs.country]))
        lowest = scores.min(axis=1, keepdims=True) - 1.0
        return np.concatenate((lowest, scores), axis=1)[:, to_own[1:]]
