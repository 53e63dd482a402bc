"""The step of a run that looks past the table: what the candidate learned by heart, where it is weak; its card."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import structlog

from contracts.model import REGISTERED_MODEL
from contracts.settings import Settings
from features.instant import from_us
from training.artefact import add_files
from training.artefact_scorer import ArtefactScorer
from training.baselines import Popularity, WithFallback
from training.card import Data, Learning, ModelCard, card_files
from training.collect import FEATURE_SERVICE, Collected
from training.config import TrainingConfig
from training.review import Measuring, Review, review
from training.run import TWO_TOWER, Measured, flat
from training.slices import first_sold_us

if TYPE_CHECKING:
    from training.fitted import Fitted

_log = structlog.get_logger()


def assess(
    settings: Settings, collected: Collected, candidate: str, fitted: Fitted, measured: Measured, config: TrainingConfig
) -> Review:
    """What the candidate learned by heart, and where it is weak; written beside it as its model card."""
    directory, holdout = settings.model_dir / candidate, collected.holdout
    purchases = collected.past.purchases
    fallback = Popularity(purchases, holdout.cutoff_us, half_life_days=config.popularity_half_life_days)
    reviewed = review(
        WithFallback(ArtefactScorer(directory), fallback),
        measured.results[TWO_TOWER],
        measured.results,
        collected.dataset,
        holdout,
        Measuring(
            config.k,
            config.bootstrap_rounds,
            config.tower.seed,
            collected.content.categories,
            first_sold_us(purchases, holdout.cutoff_us),
        ),
    )
    card = ModelCard(
        name=REGISTERED_MODEL,
        feature_service=FEATURE_SERVICE,
        served=measured.served,
        data=describe(collected),
        configuration=flat(asdict(config)),
        learning=Learning(epochs=len(fitted.losses), export_difference=fitted.export_difference),
        metrics=measured.table,
        bounds=reviewed.bounds,
        gap=reviewed.gap,
        slices=reviewed.slices,
    )
    add_files(directory, card_files(card))
    _log.info("reviewed", **{name: round(value, 4) for name, value in reviewed.gap.items()})
    return reviewed


def describe(collected: Collected) -> Data:
    """The data of a run."""
    purchases, holdout = collected.purchases, collected.holdout
    return Data(
        moments=len(purchases),
        visitors=len(np.unique(purchases.users)),
        items=len(purchases.vocabulary.items),
        begin=_iso(int(purchases.at_us.min())),
        cutoff=_iso(holdout.cutoff_us),
        end=_iso(int(purchases.at_us.max())),
        fitted_moments=len(collected.past.purchases),
        holdout_moments=len(holdout.test),
        snapshots=collected.snapshots,
        consent="purchases and histories whose visitors allow training, by the consent stamped on each event; no bots",
        left_out={f"{step.unit}, {step.rule}": step.dropped for step in collected.cleaning.steps if step.dropped},
    )


def _iso(at_us: int) -> str:
    return from_us(at_us).isoformat(timespec="seconds")
