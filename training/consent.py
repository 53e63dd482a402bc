"""Which histories may be used for training, told without evaluating their features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.lake import USER_BEHAVIOR, open_table
from contracts.settings import Settings
from features.state import decode_state
from training.dataset import entity_rows
from training.labels import Moment


def read_refusing(settings: Settings) -> frozenset[str]:
    """Profiles that hold anything that may not be used for training, by the lake's word."""
    table = open_table(settings, USER_BEHAVIOR)
    rows = table.scan(row_filter="training == false", selected_fields=("user_id",)).to_arrow()
    return frozenset(rows["user_id"].to_pylist())


def usable_moments(settings: Settings, store: Any, moments: Sequence[Moment]) -> NDArray[np.bool_]:
    """[moments], whether the history just before each may be used for training: what the join of its features says.

    The states of refusing profiles alone are read, by Feast's historical retrieval.
    """
    refusing = read_refusing(settings)
    asked = [at for at, moment in enumerate(moments) if moment.user_id in refusing]
    usable = np.ones(len(moments), np.bool_)
    if asked:
        entities = entity_rows([moments[at].user_id for at in asked], [moments[at].at_us for at in asked])
        job = store.get_historical_features(entity_df=entities, features=["user_behavior:state"])
        states = job.to_arrow()["state"].to_pylist()
        usable[asked] = [state is None or decode_state(state).training for state in states]
    return usable
