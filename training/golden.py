"""Makes a model's golden requests: real visitors at real moments, without their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from contracts.golden import Golden, GoldenRequest, read_golden
from contracts.model import RANKER_FILE, read_catalogue
from features.evaluate import evaluate
from features.ranking_files import RankerFile, read_ranker
from features.ranking_forward import calibrated, forward
from features.ranking_input import Candidates, ranking_input
from features.ranking_items import ItemTable
from features.state import UserState, decode_state, encode_state
from features.tower_input import stack, tower_input
from training.artefact_scorer import ArtefactScorer
from training.dataset import Dataset, Longs, entity_rows

GOLDEN_COUNT = 32
GOLDEN_K = 10
# Two machines add up float32 in another order; what this lets pass changes no list that anybody would notice.
TOLERANCE = 1e-4
# What remains of the attributes: the others are no input of any model, and may say who somebody is.
_TRAITS_KEPT = ("country", "device")


class Instant(NamedTuple):
    """An encoded state and when it is to be evaluated."""

    state: bytes
    at_us: int


def choose_rows(dataset: Dataset, count: int, *, without: frozenset[str] = frozenset()) -> Longs:
    """Rows of `count` different visitors, from the shortest history to the longest; fewer where there are fewer.

    Each visitor's newest moment stands for them. Those without any history, and those `without`, are left out:
    the first are no request to a model.
    """
    newest = {str(user): row for row, user in enumerate(dataset.users)}
    lengths = (dataset.inputs.items > 0).sum(axis=1)
    rows = [row for user, row in newest.items() if lengths[row] and user not in without]
    rows.sort(key=lambda row: (int(lengths[row]), row))
    places = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(np.int64))
    return np.array(rows, np.int64)[places]


def read_instants(store: Any, dataset: Dataset, rows: Longs) -> list[Instant]:
    """The states of the moments at `rows`, as of just before them, by Feast's historical retrieval."""
    users, at_us = dataset.users[rows].tolist(), dataset.at_us[rows].tolist()
    job = store.get_historical_features(entity_df=entity_rows(users, at_us), features=["user_behavior:state"])
    states = job.to_arrow()["state"].to_pylist()
    return [
        Instant(encode_state(nameless(decode_state(state))), instant_us)
        for state, instant_us in zip(states, at_us, strict=True)
        if state is not None
    ]


def nameless(state: UserState) -> UserState:
    """The state without what was typed or told: searches, message ids, and attributes but those that are inputs."""
    state.searches, state.seen = {}, b""
    state.traits = {name: word for name, word in state.traits.items() if name in _TRAITS_KEPT}
    return state


def golden_file(scorer: ArtefactScorer, instants: Sequence[Instant]) -> bytes:
    """What the model answers at these instants, encoded. Raises ValueError where there are none."""
    return msgspec.json.encode(Golden(TOLERANCE, tuple(_retrieved(scorer, instants, GOLDEN_K))))


def ranked_golden_file(directory: Path) -> bytes:
    """The golden requests of the model in `directory` with the answers of the ranker that lies there too, encoded."""
    scorer, ranker = ArtefactScorer(directory), read_ranker(directory / RANKER_FILE)
    catalogue = read_catalogue(directory)
    table = ItemTable([catalogue[item].item(item) for item in scorer.vocabulary.items], ranker.statistics)
    instants = [Instant(request.state, request.at_us) for request in read_golden(directory).requests]
    requests = _retrieved(scorer, instants, max(GOLDEN_K, ranker.depth))
    return msgspec.json.encode(Golden(TOLERANCE, tuple(_with_ranked(request, ranker, table) for request in requests)))


def _retrieved(scorer: ArtefactScorer, instants: Sequence[Instant], count: int) -> list[GoldenRequest]:
    inputs = [
        tower_input(evaluate(decode_state(instant.state), instant.at_us), scorer.vocabulary) for instant in instants
    ]
    scores = scorer.scores(stack(inputs))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    items = np.array(scorer.vocabulary.items)
    return [
        GoldenRequest(
            instant.state,
            instant.at_us,
            tuple(items[places].tolist()),
            tuple(row[places].astype(float).tolist()),
        )
        for instant, places, row in zip(instants, best, scores, strict=True)
    ]


def _with_ranked(request: GoldenRequest, ranker: RankerFile, table: ItemTable) -> GoldenRequest:
    values = evaluate(decode_state(request.state), request.at_us)
    rows = np.array([table.rows[item] for item in request.items], np.int32)
    candidates = Candidates(rows, np.array(request.scores, np.float32))
    logits = forward(ranker.weights, ranking_input(values, candidates, table))
    chances = calibrated(ranker.weights, logits).astype(float)
    best = np.argsort(-logits, kind="stable")[:GOLDEN_K].tolist()
    return replace(
        request,
        ranked=tuple(request.items[place] for place in best),
        chances=tuple(chances[best].tolist()),
    )
