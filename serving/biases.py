"""Item biases learned since the model that answers was fitted, taken up as they are published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from contracts.biases import ItemBiases, biases_path, read_biases
from serving.index import Floats
from serving.metrics import ServingMetrics
from serving.watched import WatchedFile

if TYPE_CHECKING:
    from serving.artefact import Artefact


def by_item(biases: ItemBiases, items: Sequence[str]) -> Floats:
    """[items], 0 for those that are not named."""
    return np.array([biases.biases.get(item, 0.0) for item in items], np.float32)


class WatchedBiases:
    """The biases of one model at a time; none where there is no file of its, or it may not be used."""

    def __init__(self, model_dir: Path, metrics: ServingMetrics, *, wanted: bool) -> None:
        self._model_dir, self._metrics, self._wanted = model_dir, metrics, wanted
        self._artefact: Artefact | None = None
        self._file: WatchedFile[ItemBiases] | None = None
        self._value: ItemBiases | None = None

    @property
    def value(self) -> ItemBiases | None:
        """What is to be added to the model's scores."""
        return self._value

    @property
    def error(self) -> str:
        """Why the file there is may not be used; empty where it may, or there never was one."""
        return "" if self._file is None else self._file.error

    def refresh(self, artefact: Artefact | None) -> bool:
        """Look for what is new for the model that answers. True where something else is to be added than before."""
        if artefact is not self._artefact:
            self._artefact = artefact
            self._file = None if artefact is None or not self._wanted else self._watch(artefact)
        before, failed_before, self._value = self._value, self.error, None
        if self._file is not None:
            self._file.refresh()
            self._value = None if self._file.error else self._file.value
            if self._file.error and self._file.error != failed_before:
                self._metrics.biases_refused(self._file.failure)
        if self._value is before:
            return False
        self._metrics.biases_taken(None if self._value is None else self._value.learnt_until)
        return True

    def _watch(self, artefact: Artefact) -> WatchedFile[ItemBiases]:
        items, ranked = frozenset(artefact.items), artefact.ranker is not None

        def read(path: Path) -> ItemBiases:
            found = read_biases(path, artefact.version, items)
            if found.ranked != ranked:
                with_it = {True: "the ranker's logits", False: "retrieval's scores"}
                raise ValueError(f"{path}: expected biases of {with_it[ranked]}, came those of {with_it[found.ranked]}")
            return found

        return WatchedFile(biases_path(self._model_dir, artefact.version), read)
