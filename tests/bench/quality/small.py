"""A data set small enough to reckon by hand: users 0, 1, 2; items 0 to 5; times in hours."""

from __future__ import annotations

import numpy as np

from bench.quality.interactions import Interactions

HOUR_S = 3600


def small(*, timed: bool = True) -> Interactions:
    events = [
        # user, item, hour
        (0, 0, 0),
        (0, 1, 10),
        (0, 2, 20),
        (0, 3, 101),
        (1, 1, 0),
        (1, 2, 1),
        (1, 2, 100),
        (1, 4, 100),
        (1, 5, 102),
        (2, 0, 5),
        (2, 3, 6),
        (2, 1, 103),
        (2, 2, 103),
    ]
    users, items, hours = (np.array(column, np.int64) for column in zip(*events, strict=True))
    return Interactions(
        name="small",
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        actions=np.zeros(len(events), np.int32),
        at_s=hours * HOUR_S if timed else None,
        content=np.eye(6, 2, dtype=np.float32),
        attributes=np.zeros((3, 1), np.int32),
        contexts=np.zeros((len(events), 0), np.int32),
        action_kinds=1,
    )
