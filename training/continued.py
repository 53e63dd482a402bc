"""The steps of a run that goes on from the champion, or says why it could not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import structlog
from msgspec import structs

from contracts.model import read_manifest, verify_files
from contracts.settings import Settings
from features.instant import DAY_US
from training import run
from training.catalogue import item_content
from training.collect import FEATURE_SERVICE, Collected, Labelled, join, read_labelled
from training.config import TrainingConfig
from training.dataset import Longs
from training.earlier import newest_before, read_over
from training.kept import Kept, read_kept
from training.placing import NEWEST
from training.registry import champion
from training.review import train_sample
from training.start import WarmStart

if TYPE_CHECKING:
    from training.fitted import Fitted

# A ranker learned from a retriever that lacks a day gains what it should, one that lacks a week half of it.
_FRESH_US = DAY_US

_log = structlog.get_logger()


def collect_warm(settings: Settings, config: TrainingConfig) -> Collected:
    """Labels from the lake, with the features of those moments alone that a run from the champion on reads."""
    labelled = read_labelled(settings, config)
    start, rows = begin(settings, labelled, config)
    return join(settings, config, labelled, rows, start)


def begin(settings: Settings, labelled: Labelled, config: TrainingConfig) -> tuple[WarmStart, Longs]:
    """What the run goes on from, and the rows of the purchases whose features it reads.

    All of them where it cannot go on from the champion, or where no earlier model can stand before the ranker's window.
    """
    from training.warm import CannotContinue

    version, everything = champion(settings), np.arange(len(labelled.purchases))
    try:
        if version is None:
            raise CannotContinue("expected a champion to go on from, came none")
        kept = _champions(settings, version)
        fitted_to = _fitted_to(kept, labelled, config, labelled.holdout.cutoff_us)
    except CannotContinue as refused:
        _log.warning("cannot go on from the champion, fitting from nothing", version=version, reason=str(refused))
        return WarmStart(reason=str(refused)), everything
    start, also = _before_window(settings, WarmStart(version, kept), labelled, config)
    return start, everything if also is None else np.unique(np.concatenate((fitted_to, also)))


def fit_warm(collected: Collected, config: TrainingConfig) -> Fitted:
    """The towers, fitted from the champion on to what is new to it.

    Where that cannot be, they are fitted from nothing; what is kept of them says from which version, or why not.
    """
    begun = collected.start or WarmStart(reason="expected data collected for a warm run, came another's")
    fitted = run.fit(collected, config) if begun.kept is None else _continued(begun.kept, collected, config)
    kept = fitted.arrays.kept
    if kept is None:
        raise ValueError("expected a fit that is kept, came one that is not")
    start = structs.replace(kept.header.start, version=begun.version, reason=begun.reason)
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
    if manifest.feature_service != FEATURE_SERVICE:
        raise CannotContinue(
            f"version {version}: expected a model of {FEATURE_SERVICE}, came one of {manifest.feature_service}"
        )
    return kept


def _fitted_to(kept: Kept, labelled: Labelled, config: TrainingConfig, until_us: int) -> Longs:
    """Rows of the purchases that a fit from `kept` on reads, to what lies before `until_us`. Raises CannotContinue."""
    from training.warm import choose, require_continuable

    require_continuable(kept, until_us, config.tower)
    fit = labelled.holdout.fit
    past = fit[labelled.purchases.at_us[fit] < until_us]
    chosen = choose(labelled.purchases.take(past), kept.header.cutoff_us, until_us, config.tower, config.warm)
    return past[chosen.rows]


def _read_otherwise(labelled: Labelled, begin_us: int) -> Longs:
    """Rows whose features are read beside a fit: the ranker's window, what is placed and measured by, the holdout."""
    purchases, holdout = labelled.purchases, labelled.holdout
    window = holdout.fit[purchases.at_us[holdout.fit] >= begin_us]
    return np.concatenate((window, holdout.fit[-NEWEST:], train_sample(purchases, holdout).test, holdout.test))


def _before_window(
    settings: Settings, start: WarmStart, labelled: Labelled, config: TrainingConfig
) -> tuple[WarmStart, Longs | None]:
    """The start with a model that knows nothing of the ranker's window, and the rows that are read beside the fit.

    None where there is no such model: one is fitted to every moment then.
    """
    from training.ranking.learn import window_begin_us
    from training.warm import CannotContinue

    begin_us = window_begin_us(labelled.holdout.cutoff_us, config)
    earlier = newest_before(settings, begin_us, FEATURE_SERVICE, config.tower)
    _log.info("the ranker's retriever", version=None if earlier is None else earlier.version)
    if earlier is None:
        return start, None
    directory, rows = settings.model_dir / earlier.version, _read_otherwise(labelled, begin_us)
    if begin_us - earlier.cutoff_us > _FRESH_US:
        try:
            kept = read_kept(directory)
            return replace(start, earlier=kept), np.concatenate((rows, _fitted_to(kept, labelled, config, begin_us)))
        except CannotContinue as refused:
            _log.info("the ranker's retriever is taken as it is", reason=str(refused))
    retriever = read_over(directory, labelled.purchases.vocabulary, item_content(labelled.catalogue))
    return replace(start, retriever=retriever), rows


def _continued(kept: Kept, collected: Collected, config: TrainingConfig) -> Fitted:
    from training.fitted import export
    from training.warm import warm_towers

    losses: list[float] = []

    def note(epoch: int, loss: float) -> None:
        losses.append(loss)
        _log.info("epoch", epoch=epoch, of=config.warm.epochs, loss=round(loss, 4))

    past = collected.past
    model = warm_towers(kept, past, collected.content, config.tower, config.warm, note)
    return export(model, past, collected.content, tuple(losses))
