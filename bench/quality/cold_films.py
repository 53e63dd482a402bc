"""MovieLens without a tenth of its films: the transformer's lists of the hidden ones, by genres and year alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.quality import own
from bench.quality.cold import ColdCases, a_tenth, rows
from bench.quality.interactions import Floats, Interactions
from features.sequence_forward import SequenceWeights, forward
from training.placing import Block, by_content, described
from training.sequence.config import SequenceConfig
from training.sequence.sequences import Sequences, newest

BY_CONTENT, OWN_CONTENT = "transformer, place by content", "transformer, content's own part alone"
ALL_KNOWN = "popularity, were every rating known"


def measure_films(
    data: Interactions, config: SequenceConfig, *, seed: int, checkpoint: Path | None = None
) -> dict[str, Any]:
    """The rows of the hidden films, for all who have one of them; everything else they have is their history."""
    from training.sequence.export import sequence_weights
    from training.sequence.fit import fit_sequences

    counts = np.bincount(data.items, minlength=data.item_count)
    hidden = a_tenth(counts > 0, seed)
    known = visible(data, ~hidden)
    sequences = own.sequences_of(known, np.ones(len(known), np.bool_), config)
    model = fit_sequences(sequences, data.content, data.action_kinds, config, lambda *_: {}, checkpoint).model
    cases = films_to_find(data, known, hidden)
    vectors = user_vectors(known, sequences, sequence_weights(model), cases)
    there = (np.bincount(known.items, minlength=data.item_count) > 0).astype(np.float32)
    placed = by_content(described([Block(data.content)]), there, model.items.vectors().numpy()[1:])
    scores = {
        BY_CONTENT: vectors @ placed.T,
        OWN_CONTENT: vectors @ model.items.content_vectors().numpy()[1:].T,
        ALL_KNOWN: np.tile(counts.astype(np.float32), (len(cases), 1)),
    }
    return {"items": int(hidden.sum()), "cases": len(cases), "rows": rows(cases, scores)}


def visible(data: Interactions, kept: NDArray[np.bool_]) -> Interactions:
    """The events of the kept items [items] alone; all items and users stay."""
    chosen = kept[data.items]
    return replace(
        data,
        users=data.users[chosen],
        items=data.items[chosen],
        actions=data.actions[chosen],
        at_s=None if data.at_s is None else data.at_s[chosen],
        contexts=data.contexts[chosen],
    )


def films_to_find(data: Interactions, known: Interactions, hidden: NDArray[np.bool_]) -> ColdCases:
    """Everybody with a history and a hidden film or more, all of which are to be found."""
    wanted = [np.unique(items[hidden[items]]) for items in np.split(data.items, data.starts[1:-1])]
    chosen = [user for user, items in enumerate(wanted) if len(items) and np.diff(known.starts)[user]]
    nothing = [np.zeros(0, np.int32)] * len(chosen)
    return ColdCases(hidden, np.array(chosen).astype(str), nothing, [wanted[user] for user in chosen])


def user_vectors(known: Interactions, sequences: Sequences, weights: SequenceWeights, cases: ColdCases) -> Floats:
    """[cases, dim] of the tower that serving uses, after all of each one's known events."""
    users = cases.users.astype(np.int64)
    inputs = newest(sequences, users, np.diff(known.starts)[users], len(weights.places))
    vectors: Floats = forward(weights, inputs)[:, : weights.vectors.shape[1]]
    return vectors
