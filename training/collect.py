"""Reads what a run learns from: all that was bought, from the lake, and the features of what it is to see of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import structlog

from contracts.item import Item
from contracts.lake import EVENTS, USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.tower_input import INPUTS, Vocabulary
from training.catalogue import item_content, read_catalogue
from training.cleaning import MOMENTS, CleaningReport, Step, outlying_moments
from training.config import CleaningConfig, TrainingConfig
from training.consent import usable_moments
from training.dataset import Dataset, Longs, Purchases, joined_chunks, purchases_of
from training.labels import Moment, read_labels
from training.past import Past
from training.refusals import read_deeds, refused_items
from training.split import Holdout, temporal_holdout
from training.start import WarmStart
from training.stored import store_chunks, stored_rows

FEATURE_SERVICE = "two_tower_v1"

_ROWS_AT_ONCE = 4096

_log = structlog.get_logger()


@dataclass(frozen=True)
class Labelled:
    """What was bought, before any feature is joined: `moments` are those of `purchases`, one by one."""

    catalogue: Sequence[Item]
    moments: Sequence[Moment]
    purchases: Purchases
    holdout: Holdout
    snapshots: dict[str, int]
    cleaning: CleaningReport


@dataclass(frozen=True)
class Part:
    """Where a dataset of some moments comes from: `rows` of `purchases`, of which `fit` came before the holdout."""

    purchases: Purchases
    rows: Longs
    fit: Longs


class Collected:
    """Data of a run: catalogue, dataset, holdout, the snapshots they were read from, and what was left out.

    The dataset holds the moments whose features are read: all of them, or the `part` that a warm `start` needs.
    """

    def __init__(
        self,
        catalogue: Sequence[Item],
        dataset: Dataset,
        holdout: Holdout,
        snapshots: dict[str, int],
        cleaning: CleaningReport | None = None,
        scratch: Path | None = None,
        *,
        part: Part | None = None,
        start: WarmStart | None = None,
    ) -> None:
        self.catalogue, self.dataset, self.holdout, self.snapshots = catalogue, dataset, holdout, snapshots
        self.cleaning = cleaning or CleaningReport()
        self.content = item_content(catalogue)
        self.start = start
        self._scratch, self._part = scratch, part

    @property
    def purchases(self) -> Purchases:
        """All that was bought, in the holdout too."""
        return self.dataset if self._part is None else self._part.purchases

    @cached_property
    def fit_set(self) -> Dataset:
        """Of what came before the holdout, the moments whose features are read."""
        with tempfile.TemporaryDirectory(prefix="training-", dir=self._scratch) as directory:
            return stored_rows(self.dataset, self.holdout.fit, Path(directory), size=_ROWS_AT_ONCE)

    @cached_property
    def past(self) -> Past:
        """What models are fitted to."""
        cutoff_us, part = self.holdout.cutoff_us, self._part
        if part is None:
            return Past.of(self.fit_set, cutoff_us)
        rows = np.searchsorted(part.fit, part.rows[self.holdout.fit])
        return Past(cutoff_us, part.purchases.take(part.fit), self.fit_set, rows)


def collect(settings: Settings, config: TrainingConfig) -> Collected:
    """Labels from the lake with the features as of just before each. Raises LookupError where there are none."""
    labelled = read_labelled(settings, config)
    return join(settings, config, labelled, np.arange(len(labelled.moments)))


def read_labelled(settings: Settings, config: TrainingConfig) -> Labelled:
    """What was bought by those who allow training, and what is held out. Raises LookupError where nothing is."""
    from feature_repo.store import open_store

    catalogue = read_catalogue(settings.catalogue_path)
    labels = read_labels(settings, config.cleaning, frozenset(item.item_id for item in catalogue))
    moments = labels.moments[-config.max_labels :] if config.max_labels else labels.moments
    behavior = open_table(settings, USER_BEHAVIOR).current_snapshot()
    snapshots = {EVENTS: labels.snapshot_id}
    snapshots |= {USER_BEHAVIOR: behavior.snapshot_id} if behavior else {}
    usable = usable_moments(settings, open_store(settings), moments)
    kept = [moment for moment, may in zip(moments, usable.tolist(), strict=True) if may]
    if not kept:
        raise LookupError(f"expected moments that may be used for training, came none among {len(moments)}")
    purchases = purchases_of(kept, vocabulary_of(catalogue, moments))
    holdout, steps = without_outliers(purchases, temporal_holdout(purchases, days=config.holdout_days), config.cleaning)
    cleaning = labels.cleaning.and_then((withheld(moments, kept), *steps))
    _log.info("cleaned", **{step.rule: step.dropped for step in cleaning.steps})
    return Labelled(catalogue, kept, purchases, holdout, snapshots, cleaning)


def join(
    settings: Settings, config: TrainingConfig, labelled: Labelled, rows: Longs, start: WarmStart | None = None
) -> Collected:
    """The moments at `rows`, rising and the holdout's tests among them, with their features.

    Raises RuntimeError where the lake has changed since the labels were read, so that a moment may no longer be used.
    """
    from feature_repo.store import open_store

    moments = [labelled.moments[row] for row in rows.tolist()]
    refused = refused_items(moments, read_deeds(settings), config.refusals) if config.tower.refused_weight else None
    chunks = joined_chunks(
        open_store(settings),
        FEATURE_SERVICE,
        moments,
        labelled.purchases.vocabulary,
        names=INPUTS,
        size=config.moments_a_chunk,
        refused=refused,
    )
    with tempfile.TemporaryDirectory(prefix="training-", dir=settings.home) as directory:
        dataset = store_chunks(chunks, Path(directory))
    if len(dataset) != len(rows):
        raise RuntimeError(f"expected {len(rows)} moments that may be used for training, came {len(dataset)}")
    holdout, whole = labelled.holdout, len(rows) == len(labelled.moments)
    part = None if whole else Part(labelled.purchases, rows, holdout.fit)
    _log.info(
        "collected",
        moments=len(labelled.moments),
        joined=len(rows),
        fit=len(holdout.fit),
        test=len(holdout.test),
        items=len(labelled.catalogue),
    )
    return Collected(
        labelled.catalogue,
        dataset,
        holdout.among(rows),
        labelled.snapshots,
        labelled.cleaning,
        settings.home,
        part=part,
        start=start,
    )


def withheld(moments: Sequence[Moment], kept: Sequence[Moment]) -> Step:
    """What was left out because its history holds something that may not be used for training."""
    profiles = len({moment.user_id for moment in moments}) - len({moment.user_id for moment in kept})
    return Step("history not for training", MOMENTS, len(moments), len(moments) - len(kept), profiles)


def without_outliers(
    purchases: Purchases, holdout: Holdout, config: CleaningConfig
) -> tuple[Holdout, tuple[Step, ...]]:
    """The holdout with fewer moments to fit to, and what was left out; what is measured stays as it is."""
    out, steps = outlying_moments(purchases.users[holdout.fit], purchases.purchased.lengths[holdout.fit], config)
    return replace(holdout, fit=holdout.fit[~out]), steps


def vocabulary_of(catalogue: Sequence[Item], moments: Sequence[Moment]) -> Vocabulary:
    """The catalogue's items, and the countries that the moments came from."""
    return Vocabulary(
        items=tuple(item.item_id for item in catalogue),
        countries=tuple(sorted({moment.country for moment in moments if moment.country})),
    )
