"""The step between two fits: item biases from the purchases since the champion's cutoff, for what it serves.

Everything is worked out from the lake, from zero, in time order: a run that was killed changed nothing, one that
is repeated gives the same, a late event counts from the next run on, and what was erased counts no longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from contracts.biases import ItemBiases, write_biases
from contracts.model import read_catalogue, read_pointer
from contracts.settings import Settings
from features.ranking_files import RankerFile
from features.ranking_input import RANKING_VALUES
from features.ranking_items import ItemTable
from features.tower_input import INPUTS
from training.artefact_scorer import ArtefactScorer
from training.config import TrainingConfig
from training.dataset import CONSENT_COLUMN, Dataset, build_dataset, join_features
from training.kept import read_kept
from training.labels import Moment, read_labels
from training.online_biases import RANKED_RATE, RATE, Doubles, OnlineBiases
from training.ranking.lists import allowed_scores
from training.ranking.scorer import candidate_logits
from training.run import opponents_ranker

_DECIMALS = 6
_ROWS_AT_ONCE = 256

_log = structlog.get_logger()


class NoChampion(LookupError):
    """There is no model to learn biases for."""


@dataclass(frozen=True)
class Answering:
    """A promoted model as it answers.

    `cutoff_us`: the first instant that it has not learned from. `ranker` is None where it answers without one; `table`
    is what the ranker knows of its items.
    """

    retriever: ArtefactScorer
    cutoff_us: int
    ranker: RankerFile | None = None
    table: ItemTable | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The values that it reads."""
        return tuple(dict.fromkeys((*INPUTS, *(RANKING_VALUES if self.ranker else ()))))

    def scores(self, dataset: Dataset, values: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Doubles]]:
        """Rows of `dataset` whose visitors it answers and who bought something new, and the scores [items] that order
        its answer: -inf for what it would not show. values: of each row.
        """
        known = (dataset.inputs.items > 0).any(axis=1)
        wanted = np.flatnonzero(known & (dataset.basket.lengths > 0))
        anything = np.ones(len(dataset.vocabulary.items), np.bool_)
        for first in range(0, len(wanted), _ROWS_AT_ONCE):
            rows = wanted[first : first + _ROWS_AT_ONCE]
            allowed = allowed_scores(self.retriever(dataset, rows), dataset, rows, anything)
            for row, scores in zip(rows.tolist(), allowed, strict=True):
                if self.ranker is not None and self.table is not None:
                    scores = candidate_logits(scores, values[row], self.ranker, self.table)
                yield row, scores.astype(np.float64)


def read_answering(directory: Path) -> Answering:
    """The model in a directory. Raises ValueError where its files are altered, or do not say when it was cut off."""
    retriever = ArtefactScorer(directory)
    cutoff_us, ranker = read_kept(directory).header.cutoff_us, opponents_ranker(directory)
    if ranker is None:
        return Answering(retriever, cutoff_us)
    catalogue = read_catalogue(directory)
    items = [catalogue[item].item(item) for item in retriever.vocabulary.items]
    return Answering(retriever, cutoff_us, ranker, ItemTable(items, ranker.statistics))


def learn_biases(settings: Settings, config: TrainingConfig | None = None) -> ItemBiases:
    """Biases for the champion, from all that was bought since its cutoff. Raises NoChampion."""
    config = config or TrainingConfig()
    version = read_pointer(settings.model_dir)
    if version is None:
        raise NoChampion("item biases: expected a champion, came none; `clickloop train` makes one")
    answering = read_answering(settings.model_dir / version)
    items = answering.retriever.vocabulary.items
    labels = read_labels(settings, config.cleaning, frozenset(items))
    since = [moment for moment in labels.moments if moment.at_us >= answering.cutoff_us]
    online, learned = OnlineBiases(len(items), RANKED_RATE if answering.ranker else RATE), 0
    for dataset, values in _joined(settings, answering, since, config.moments_a_chunk):
        for row, scores in answering.scores(dataset, values):
            learned += online.learn(scores, dataset.basket[row])
    rounded = zip(items, online.values.round(_DECIMALS).tolist(), strict=True)
    return ItemBiases(
        model_version=version,
        ranked=answering.ranker is not None,
        snapshot_id=labels.snapshot_id,
        learnt_until=labels.committed_at,
        moments=learned,
        biases={item: bias for item, bias in rounded if bias},
    )


def _joined(
    settings: Settings, answering: Answering, moments: Sequence[Moment], size: int
) -> Iterator[tuple[Dataset, list[dict[str, Any]]]]:
    """Moments that may be learned from, with the values of each, `size` at a time."""
    from feature_repo.store import open_store

    retriever = answering.retriever
    store = open_store(settings) if moments else None
    for first in range(0, len(moments), size):
        part = moments[first : first + size]
        users, at_us = [moment.user_id for moment in part], [moment.at_us for moment in part]
        values = join_features(store, retriever.manifest.feature_service, users, at_us, names=answering.inputs)
        allowed = [row for row in values if row[CONSENT_COLUMN]]
        if allowed:
            yield build_dataset(part, values, retriever.vocabulary), allowed


def publish_biases(settings: Settings, biases: ItemBiases) -> dict[str, Any]:
    """Put them where serving takes them up; what was learned, in short."""
    path = write_biases(settings.model_dir, biases)
    said = {
        "model_version": biases.model_version,
        "ranked": biases.ranked,
        "moments": biases.moments,
        "items": len(biases.biases),
        "learnt_until": biases.learnt_until.isoformat(),
        "path": str(path),
    }
    _log.info("item biases published", **said)
    return said
