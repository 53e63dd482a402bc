"""When the worker looks for cycles in its memory: a little at a time, and all of it where no event waits."""

from __future__ import annotations

import gc
import time

# Objects made before the young are looked at, how many times until the middle-aged are, and never the old: the
# old are states, millions of objects without a cycle among them, and looking at them stops the worker for
# a good part of a second. CPython's own rule would do that whenever they have grown by a quarter.
_THRESHOLDS = (2_000, 10, 1_000_000_000)
_WHEN_IDLE_S, _IN_ANY_CASE_S = 60.0, 3600.0


class Memory:
    """Collects cycles, which errors and reconnections leave. What a sweep has seen alive is not looked at again."""

    def __init__(self) -> None:
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)
        self._swept_s = time.monotonic()

    def sweep(self, *, idle: bool) -> bool:
        """Look at all that came since the last sweep where that is due, sooner where no event waits; whether it was."""
        if time.monotonic() - self._swept_s < (_WHEN_IDLE_S if idle else _IN_ANY_CASE_S):
            return False
        gc.collect()
        gc.freeze()
        self._swept_s = time.monotonic()
        return True
