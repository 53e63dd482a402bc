"""A data set as arrays: who touched what, in which order, and what is known of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Interactions:
    """Events sorted by user and, within one, oldest first.

    users, items, actions: [events] int32 from 0, actions below `action_kinds`; at_s: [events] int64
    seconds since 1970, None where the source keeps the order alone. content: [items, features]
    float32 of 0 and 1; attributes: [users, columns] int32, each column with codes of its own from 0. contexts: [events,
    columns] int32 codes from 1, what was known of an event before it happened; of no columns where nothing was.
    """

    name: str
    users: Ints
    items: Ints
    actions: Ints
    at_s: Longs | None
    content: Floats
    attributes: Ints
    contexts: Ints
    action_kinds: int

    def __post_init__(self) -> None:
        if np.any(np.diff(self.users) < 0):
            raise ValueError(f"{self.name}: expected events sorted by user")

    def __len__(self) -> int:
        return len(self.users)

    @property
    def user_count(self) -> int:
        """How many users there are, those without events included."""
        return len(self.attributes)

    @property
    def item_count(self) -> int:
        """How many items there are, those without events included."""
        return len(self.content)

    @property
    def starts(self) -> Longs:
        """[users + 1] int64: user u's events are those from starts[u] up to starts[u + 1]."""
        starts: Longs = np.searchsorted(self.users, np.arange(self.user_count + 1))
        return starts

    @property
    def seconds(self) -> Longs:
        """`at_s`. Raises ValueError where the source keeps the order alone."""
        if self.at_s is None:
            raise ValueError(f"{self.name}: expected times of events; the source keeps their order alone")
        return self.at_s
