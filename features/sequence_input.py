"""The arrays that the transformer user tower reads; training and serving share them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]

GAP_BUCKETS = 24
_SECONDS_A_STEP = 15.0


@dataclass(frozen=True)
class SequenceInput:
    """A batch of sequences. items, actions, gaps: [batch, length] int32, oldest first, 0 before the first event.

    Items and actions are codes from 1, the item's place plus one. gaps: bucket of the time from an event to the next
    one, of the newest to the instant asked for; 0 where unknown. contexts: [batch, length, columns] int32, what is
    known of the next event before it happens, such as hour and device; of the newest, the request's. attributes:
    [batch, columns] int32.
    """

    items: Ints
    actions: Ints
    gaps: Ints
    contexts: Ints
    attributes: Ints


def gap_bucket(gap_s: float) -> int:
    """Bucket of a time between two events, from 1 (under 15 s) to GAP_BUCKETS - 1: each is twice as long."""
    return 1 + min(GAP_BUCKETS - 2, int(log2(1.0 + max(gap_s, 0.0) / _SECONDS_A_STEP)))
