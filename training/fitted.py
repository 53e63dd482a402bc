"""One fit as a run makes it: for as many epochs as are asked for or found best, and compared with its export."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.artefact import TowerArrays
from training.catalogue import ItemContent
from training.config import TrainingConfig
from training.dataset import Dataset
from training.export import export_difference, tower_arrays
from training.fit import Progress, fit_towers
from training.past import Past
from training.placing import with_places
from training.towers import TwoTower
from training.watch import Epoch, Watch, watched_rows

EXPORT_TOLERANCE = 1e-5
_COMPARED = 256


class ExportDiffers(RuntimeError):
    """The plain arrays give other vectors than the model that they were taken from."""


@dataclass(frozen=True)
class Fitted:
    """The towers, how many epochs they are of, and how far the export is from what was trained.

    `losses`: of each epoch; `watched`: the epochs of the fit that found out how many there should be, if there was one.
    """

    arrays: TowerArrays
    losses: tuple[float, ...]
    watched: tuple[Epoch, ...]
    export_difference: float

    def curves(self) -> dict[str, list[float]]:
        """The figures by epoch, by name."""
        curves = {"curve.loss": list(self.losses)}
        if self.watched:
            names = ("loss", "validation_loss", "validation_ndcg")
            curves |= {f"watched.{name}": [getattr(epoch, name) for epoch in self.watched] for name in names}
        return curves


def fit_and_export(
    dataset: Dataset, content: ItemContent, cutoff_us: int, config: TrainingConfig, progress: Progress
) -> Fitted:
    """The towers fitted to all of `dataset`, which ends before `cutoff_us`.

    With `config.stopping` a first fit, watched by moments kept out of it, says for how many epochs. Raises
    ExportDiffers where a vector differs by more than 1e-5, or that share of the largest number in them.
    """
    watched = _watch(dataset, content, cutoff_us, config, progress)
    best = min(watched, key=lambda epoch: epoch.validation_loss).number if watched else config.tower.epochs
    losses: list[float] = []

    def note(epoch: int, loss: float) -> None:
        losses.append(loss)
        progress(epoch, loss)

    model = fit_towers(dataset, content, cutoff_us, replace(config.tower, epochs=best), note)
    return export(model, Past.of(dataset, cutoff_us), content, tuple(losses), watched)


def export(
    model: TwoTower, past: Past, content: ItemContent, losses: tuple[float, ...], watched: tuple[Epoch, ...] = ()
) -> Fitted:
    """A fitted model's arrays, compared on the newest moments whose features are there. Raises ExportDiffers.

    What nobody bought in the past then gets its place by `content`.
    """
    arrays = tower_arrays(model)
    known = len(past.dataset)
    newest = past.dataset.take(np.arange(max(0, known - _COMPARED), known)).inputs
    difference, size = export_difference(model, arrays, newest)
    if difference > EXPORT_TOLERANCE * max(1.0, size):
        raise ExportDiffers(f"expected the trained tower's vectors to {EXPORT_TOLERANCE}, came {difference} off")
    return Fitted(with_places(arrays, content, past), losses, watched, difference)


def _watch(
    dataset: Dataset, content: ItemContent, cutoff_us: int, config: TrainingConfig, progress: Progress
) -> tuple[Epoch, ...]:
    if config.stopping is None:
        return ()
    rows = watched_rows(dataset, cutoff_us, config.stopping)
    if not len(rows):
        raise ValueError(f"expected moments of the last {config.stopping.days} days to watch a fit by, came none")
    watch = Watch(dataset, rows, config.stopping, k=config.k, exponent=config.tower.basket_exponent)
    fit_towers(dataset, content, cutoff_us, config.tower, progress, watch)
    return tuple(watch.curve)
