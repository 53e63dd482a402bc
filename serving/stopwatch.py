"""Milliseconds by stage of one answer."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

TOTAL = "total"
STAGES = ("features", "evaluate", "vector", "search", "rules", "rank")


class Stopwatch:
    """Counts from its making; each lap is what passed since the lap before. The clock is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._start = self._last = clock()
        self._laps_ms: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """End `stage`; a stage that is ended twice adds up."""
        now = self._clock()
        self._laps_ms[stage] = self._laps_ms.get(stage, 0.0) + (now - self._last) * 1e3
        self._last = now

    def timings_ms(self) -> dict[str, float]:
        """Milliseconds by stage so far, `total` from the start, to the microsecond."""
        laps = {stage: round(spent, 3) for stage, spent in self._laps_ms.items()}
        laps[TOTAL] = round((self._clock() - self._start) * 1e3, 3)
        return laps
