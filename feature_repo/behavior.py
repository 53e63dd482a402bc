"""Columns of snapshots to columns of values, for Feast's on-demand view, online and offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from features.evaluate import evaluate
from features.state import decode_state, new_state
from features.values import FEATURES

# Beside the features: whether every event behind the values may be used for training.
CONSENT_COLUMN = "training_allowed"
STATE_COLUMN = "state"
AT_COLUMN = "at_us"


def values_of(inputs: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Evaluate `inputs["state"][i]` as of `inputs["at_us"][i]`; one list a feature, aligned.

    No snapshot (None) is a visitor of whom nothing is known. Raises ValueError on a snapshot
    that cannot be read.
    """
    columns: dict[str, list[Any]] = {spec.name: [] for spec in FEATURES}
    columns[CONSENT_COLUMN] = []
    for payload, at_us in zip(inputs[STATE_COLUMN], inputs[AT_COLUMN], strict=True):
        state = new_state() if payload is None else decode_state(payload)
        values = evaluate(state, int(at_us))
        for name, value in values.items():
            columns[name].append(value)
        columns[CONSENT_COLUMN].append(state.training)
    return columns
