"""What a training run can be told, with the values that did best on the validation weeks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TowerConfig:
    """The two towers and their fit; times in days, `negatives` in items."""

    dim: int = 64
    hidden: int = 32
    epochs: int = 20
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 1e-6
    history_dropout: float = 0.2
    vector_dropout: float = 0.2
    hidden_dropout: float = 0.3
    id_dropout: float = 0.3
    basket_exponent: float = 0.5
    label_half_life_days: float = 30.0
    trend_half_lives_days: tuple[float, ...] = (5.0,)
    initial_scale: float = 0.2
    initial_shrink: float = 50.0
    initial_half_life_days: float = 60.0
    session_share: float = 0.15
    session_items: int = 5
    # Of the histories, how many are cropped to their newest moments, and of the moments, how many are hidden.
    crop_share: float = 0.0
    mask_share: float = 0.0
    # An item that the visitor turned down counts as so many more in the softmax; 0 looks for none.
    refused_weight: float = 0.0
    # Up to this many items the softmax runs over all of them; beyond, over a sample, corrected for it.
    softmax_items: int = 8192
    seed: int = 7


@dataclass(frozen=True)
class WarmConfig:
    """A fit that goes on from an earlier one; `replay` in older moments for each new one."""

    epochs: int = 2
    batch: int = 64
    learning_rate: float = 6e-3
    replay: float = 3.0


@dataclass(frozen=True)
class StoppingConfig:
    """What watches a fit: a share of the visitors in the last days before the cutoff, kept out of it."""

    days: int = 14
    share: float = 0.2
    patience: int = 5


@dataclass(frozen=True)
class KnnConfig:
    """Item-kNN: cosine of decayed co-purchases, shrunk, over a recency-weighted history."""

    shrink: float = 50.0
    half_life_days: float = 20.0
    history_half_life_days: float = 20.0
    neighbours: int = 4000
    exponent: float = 0.85
    popularity_half_life_days: float = 5.0


@dataclass(frozen=True)
class CleaningConfig:
    """Which rules of `training.cleaning` hold; None turns one with a number off. Bots are never learnt from.

    `return_days`: a purchase of which every piece comes back within so many is no label. The deviations
    are robust ones above the median, and take from what models are fitted to alone.
    """

    repeats: bool = True
    no_articles: bool = True
    return_days: float | None = 30.0
    basket_deviations: float | None = None
    profile_deviations: float | None = None


@dataclass(frozen=True)
class RefusalConfig:
    """What counts as turned down: shown so often without a word, or taken out of the cart, in so many days."""

    shown: int = 3
    days: float = 7.0


@dataclass(frozen=True)
class RankingConfig:
    """The ranker over retrieval's best `depth`, learned from the `window_days` before the cutoff; `neighbours` an item.

    With `min_answers` of the service in that window, and `min_moments` of them followed by a choice within `follow_s`,
    it learns from those, a choice counting at most `clip` times for its place; else from purchases, and with fewer
    than `min_moments` of these there is no ranker.
    """

    depth: int = 300
    neighbours: int = 200
    window_days: int = 14
    min_moments: int = 50
    min_answers: int = 2000
    follow_s: int = 1800
    clip: float = 10.0
    cross_layers: int = 2
    hidden: int = 32
    epochs: int = 12
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    basket_exponent: float = 0.8
    calibration_folds: int = 3
    seed: int = 7


@dataclass(frozen=True)
class TrainingConfig:
    """One run: what is held out, what is compared, how each model is fitted."""

    holdout_days: int = 14
    k: int = 10
    popularity_half_life_days: float = 5.0
    bootstrap_rounds: int = 1000
    max_labels: int | None = None
    moments_a_chunk: int = 4096
    cleaning: CleaningConfig = CleaningConfig()
    refusals: RefusalConfig = RefusalConfig()
    tower: TowerConfig = TowerConfig()
    warm: WarmConfig = WarmConfig()
    # None fits for `tower.epochs`: measured, it does no worse than stopping early, and takes half the time.
    stopping: StoppingConfig | None = None
    knn: KnnConfig = KnnConfig()
    ranking: RankingConfig = RankingConfig()
