"""The steps of one training run after its data are collected, in order: fit, measure, publish, decide."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from msgspec import to_builtins

from contracts.golden import GOLDEN_FILE, read_golden
from contracts.model import RANKER_FILE
from contracts.settings import Settings
from features.ranking_files import RankerFile, read_ranker
from features.ranking_items import ItemTable
from training.artefact import Origin, TowerArrays, add_files, write_artefact
from training.artefact_scorer import ArtefactScorer
from training.baselines import ItemKnn, Popularity, Scorer, WithFallback
from training.collect import FEATURE_SERVICE, Collected
from training.config import TrainingConfig
from training.consent import read_refusing
from training.evaluation import Result, evaluate_scorer, intervals
from training.golden import GOLDEN_COUNT, choose_rows, golden_file, ranked_golden_file, read_instants
from training.kept import read_kept
from training.metrics import bootstrap_interval
from training.popular import count_popularity
from training.ranking.scorer import RankedScorer
from training.ranking.statistics import reindexed
from training.ranking.values import read_values
from training.registry import RunRecord, champion, promote, register
from training.review import Review

if TYPE_CHECKING:
    from training.fitted import Fitted

TWO_TOWER, RANKED, CHAMPION = "two_tower", "two_tower_ranked", "champion"
ALL_TIME, OF_LATE, KNN = "popularity", "popularity_decayed", "item_knn"

_log = structlog.get_logger()


class Measured:
    """Each model's result on the holdout, by name; the ranker where it is to be served, and why, or why not."""

    def __init__(
        self,
        results: dict[str, Result],
        table: dict[str, dict[str, float]],
        ranker: RankerFile | None,
        ranker_reason: str,
    ) -> None:
        self.results, self.table, self.ranker, self.ranker_reason = results, table, ranker, ranker_reason

    @property
    def served(self) -> str:
        """The name of what will answer once it is promoted."""
        return TWO_TOWER if self.ranker is None else RANKED


def fit(collected: Collected, config: TrainingConfig) -> Fitted:
    """The towers, fitted to what came before the holdout."""
    from training.fitted import fit_and_export

    def progress(epoch: int, loss: float) -> None:
        _log.info("epoch", epoch=epoch, of=config.tower.epochs, loss=round(loss, 4))

    fitted = fit_and_export(collected.fit_set, collected.content, collected.holdout.cutoff_us, config, progress)
    _log.info("fitted", epochs=len(fitted.losses), export_difference=fitted.export_difference)
    return fitted


def fit_ranker(settings: Settings, collected: Collected, config: TrainingConfig) -> RankerFile | None:
    """A ranker over the two-tower's candidates; None where there is too little to learn one from."""
    from feature_repo.store import open_store
    from training.ranking.learn import Source, TooLittle, learn_ranker

    try:
        return learn_ranker(Source(settings, open_store(settings), FEATURE_SERVICE), collected, config)
    except TooLittle as reason:
        _log.warning("no ranker", reason=str(reason))
        return None


def write_candidate(settings: Settings, collected: Collected, arrays: TowerArrays, config: TrainingConfig) -> str:
    """Lay the fitted towers down as an artefact without a version; returns the directory's name in `models`."""
    from feature_repo.store import open_store

    vocabulary = collected.dataset.vocabulary
    name = f"candidate-{secrets.token_hex(4)}"
    origin = Origin(FEATURE_SERVICE, collected.snapshots, vocabulary.countries)
    popularity = count_popularity(
        collected.purchases,
        collected.catalogue,
        int(collected.purchases.at_us.max()),
        half_life_days=config.popularity_half_life_days,
    )
    directory = settings.model_dir / name
    write_artefact(directory, arrays, collected.catalogue, popularity, origin)
    rows = choose_rows(collected.dataset, GOLDEN_COUNT, without=read_refusing(settings))
    instants = read_instants(open_store(settings), collected.dataset, rows)
    add_files(directory, {GOLDEN_FILE: golden_file(ArtefactScorer(directory), instants)})
    return name


def measure(
    settings: Settings, collected: Collected, candidate: str, config: TrainingConfig, ranker: RankerFile | None = None
) -> Measured:
    """The candidate, with its ranker and without, the baselines and the present champion on the same holdout."""
    past, cutoff_us = collected.past.purchases, collected.holdout.cutoff_us
    of_late = Popularity(past, cutoff_us, half_life_days=config.popularity_half_life_days)
    own = ArtefactScorer(settings.model_dir / candidate)
    scorers: dict[str, Scorer] = {
        ALL_TIME: Popularity(past, cutoff_us, half_life_days=None),
        OF_LATE: of_late,
        KNN: ItemKnn(past, cutoff_us, config.knn),
        TWO_TOWER: WithFallback(own, of_late),
    }
    version = champion(settings)
    present = None if version is None else opponent(settings.model_dir / version)
    theirs = None if version is None else opponents_ranker(settings.model_dir / version)
    values = _values(settings, collected) if ranker or theirs else {}
    if ranker is not None:
        scorers[RANKED] = WithFallback(_ranked(collected, own, ranker, values), of_late)
    if present is not None:
        scorer = present if theirs is None else _ranked(collected, present, theirs, values)
        scorers[CHAMPION] = WithFallback(scorer, of_late)
    dataset, holdout, k = collected.dataset, collected.holdout, config.k
    results = {
        name: evaluate_scorer(scorer, dataset, holdout, collected.content.categories, k=k)
        for name, scorer in scorers.items()
    }
    table = {name: result.metrics(k) for name, result in results.items()}
    users = dataset.users[holdout.test]
    for name in (TWO_TOWER, RANKED):
        if name in table:
            table[name] |= intervals(results[name], users, k=k, rounds=config.bootstrap_rounds, seed=config.tower.seed)
    if ranker is not None:
        difference = results[RANKED].ndcg - results[TWO_TOWER].ndcg
        low, high = bootstrap_interval(difference, users, rounds=config.bootstrap_rounds, seed=config.tower.seed)
        table[RANKED] |= {f"ndcg_at_{k}_gain": float(difference.mean()), "gain_low": low, "gain_high": high}
    for name, row in table.items():
        _log.info("measured", model=name, **{metric: round(value, 4) for metric, value in row.items()})
    why_not = "there is none" if ranker is None else ranking_refusal(table, k=k)
    _log.info("ranker measured", served=why_not is None, reason=why_not)
    return Measured(results, table, ranker if why_not is None else None, why_not or "it raises NDCG over retrieval")


def _values(settings: Settings, collected: Collected) -> dict[int, dict[str, Any]]:
    from feature_repo.store import open_store

    return read_values(open_store(settings), FEATURE_SERVICE, collected.dataset, collected.holdout.test)


def _ranked(
    collected: Collected, retriever: ArtefactScorer, ranker: RankerFile, values: dict[int, dict[str, Any]]
) -> RankedScorer:
    items = collected.dataset.vocabulary.items
    table = ItemTable(collected.catalogue, reindexed(ranker.statistics, retriever.vocabulary.items, items))
    return RankedScorer(retriever, ranker, table, values, collected.holdout.known)


def opponent(directory: Path) -> ArtefactScorer | None:
    """The scorer of an earlier model. One that cannot be read answers nobody, so it counts as beaten."""
    try:
        return ArtefactScorer(directory)
    except (OSError, ValueError, LookupError) as error:
        _log.warning("champion unreadable, counted as beaten", directory=str(directory), reason=str(error))
        return None


def opponents_ranker(directory: Path) -> RankerFile | None:
    """The ranker of an earlier model; None where it has none, or one that cannot be read or asked: it is not served."""
    try:
        ranker, golden = read_ranker(directory / RANKER_FILE), read_golden(directory)
    except (OSError, ValueError):
        return None
    return ranker if all(request.ranked for request in golden.requests) else None


def ranking_refusal(table: dict[str, dict[str, float]], *, k: int) -> str | None:
    """Why the ranker may not be served; None where it may. An equal score is no better."""
    metric = f"ndcg_at_{k}"
    with_it, alone = table[RANKED][metric], table[TWO_TOWER][metric]
    return None if with_it > alone else f"{metric} {with_it:.4f} does not beat retrieval's own {alone:.4f}"


def publish(
    settings: Settings,
    collected: Collected,
    candidate: str,
    fitted: Fitted,
    reviewed: Review,
    measured: Measured,
    config: TrainingConfig,
) -> str:
    """Log and register the candidate, with its ranker where that is to be served; returns its version."""
    if measured.ranker is not None:
        directory = settings.model_dir / candidate
        add_files(directory, {RANKER_FILE: measured.ranker.encode()})
        add_files(directory, {GOLDEN_FILE: ranked_golden_file(directory)})
    start = read_kept(settings.model_dir / candidate).header.start
    began = to_builtins(start)
    record = RunRecord(
        parameters=flat(asdict(config)) | {f"start.{name}": began[name] for name in ("kind", "version", "reason")},
        metrics=measured.table
        | {
            "gap": dict(reviewed.gap),
            "fit": {"export_difference": fitted.export_difference, "seconds": start.seconds},
        },
        feature_service=FEATURE_SERVICE,
        snapshots=collected.snapshots,
        curves=fitted.curves(),
    )
    version = register(settings, settings.model_dir / candidate, record)
    _log.info("registered", version=version)
    return version


def decide(
    settings: Settings, version: str, measured: Measured, reviewed: Review, config: TrainingConfig
) -> dict[str, Any]:
    """Promote the version if it beats popularity and the champion; says what was decided and why."""
    present = champion(settings)
    reason = refusal(measured.table, k=config.k, served=measured.served)
    if reason is None:
        promote(settings, version)
    _log.info("decided", version=version, promoted=reason is None, reason=reason, previous=present)
    return {
        "version": version,
        "promoted": reason is None,
        "reason": reason or "beats popularity and the champion before it on the same holdout",
        "champion": champion(settings),
        "ranker": {"served": measured.ranker is not None, "reason": measured.ranker_reason},
        "metrics": measured.table,
        "gap": dict(reviewed.gap),
        "start": to_builtins(read_kept(settings.model_dir / version).header.start),
    }


def refusal(table: dict[str, dict[str, float]], *, k: int, served: str = TWO_TOWER) -> str | None:
    """Why what is `served` may not become champion; None where it may. An equal score is no better."""
    metric = f"ndcg_at_{k}"
    own = table[served][metric]
    for rival in (ALL_TIME, OF_LATE, CHAMPION):
        if rival in table and own <= table[rival][metric]:
            return f"{metric} {own:.4f} does not beat {rival}'s {table[rival][metric]:.4f}"
    return None


def flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The configuration by dotted names."""
    named: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            named |= flat(value, f"{prefix}{name}.")
        else:
            named[f"{prefix}{name}"] = value
    return named
