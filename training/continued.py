"""The step of a run that goes on from the champion, or says why it could not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from msgspec import structs

from contracts.model import read_manifest, verify_files
from contracts.settings import Settings
from training import run
from training.config import TrainingConfig
from training.kept import Kept, read_kept
from training.registry import champion

if TYPE_CHECKING:
    from training.fitted import Fitted

_log = structlog.get_logger()


def fit_warm(settings: Settings, collected: run.Collected, config: TrainingConfig) -> Fitted:
    """The towers, fitted from the champion on to what is new to it.

    Where that cannot be, they are fitted from nothing; what is kept of them says from which version, or why not.
    """
    from training.warm import CannotContinue

    version = champion(settings)
    try:
        if version is None:
            raise CannotContinue("expected a champion to go on from, came none")
        fitted, reason = _continued(_champions(settings, version), collected, config), None
    except CannotContinue as refused:
        _log.warning("cannot go on from the champion, fitted from nothing", version=version, reason=str(refused))
        fitted, version, reason = run.fit(collected, config), None, str(refused)
    kept = fitted.arrays.kept
    if kept is None:
        raise ValueError("expected a fit that is kept, came one that is not")
    start = structs.replace(kept.header.start, version=version, reason=reason)
    told = replace(kept, header=structs.replace(kept.header, start=start))
    return replace(fitted, arrays=replace(fitted.arrays, kept=told))


def _champions(settings: Settings, version: str) -> Kept:
    from training.warm import CannotContinue

    directory = settings.model_dir / version
    try:
        manifest = read_manifest(directory)
        verify_files(directory, manifest)
        kept = read_kept(directory)
    except (OSError, ValueError) as error:
        raise CannotContinue(str(error)) from error
    if manifest.feature_service != run.FEATURE_SERVICE:
        raise CannotContinue(
            f"version {version}: expected a model of {run.FEATURE_SERVICE}, came one of {manifest.feature_service}"
        )
    return kept


def _continued(kept: Kept, collected: run.Collected, config: TrainingConfig) -> Fitted:
    from training.fitted import export
    from training.warm import warm_towers

    losses: list[float] = []

    def note(epoch: int, loss: float) -> None:
        losses.append(loss)
        _log.info("epoch", epoch=epoch, of=config.warm.epochs, loss=round(loss, 4))

    cutoff_us = collected.holdout.cutoff_us
    model = warm_towers(kept, collected.fit_set, collected.content, cutoff_us, config.tower, config.warm, note)
    return export(model, collected.fit_set, collected.content, tuple(losses))
