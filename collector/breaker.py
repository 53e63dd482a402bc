"""Whether Kafka is worth asking: a refusal at once instead of a wait for each caller."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """Opens on a failure, lets one delivery through each `probe_every_s`, closes on a success."""

    def __init__(self, *, probe_every_s: float, clock: Callable[[], float]) -> None:
        self._probe_every_s = probe_every_s
        self._clock = clock
        self._opened_at: float | None = None
        self._probed_at = 0.0

    @property
    def open_s(self) -> float:
        """For how long deliveries have failed; 0 while they succeed."""
        return 0.0 if self._opened_at is None else self._clock() - self._opened_at

    @property
    def is_open(self) -> bool:
        """Whether the last delivery failed."""
        return self._opened_at is not None

    def allows(self) -> bool:
        """Whether to try a delivery now; counts as the probe where the breaker is open."""
        if self._opened_at is None:
            return True
        now = self._clock()
        if now - self._probed_at < self._probe_every_s:
            return False
        self._probed_at = now
        return True

    def failed(self) -> None:
        """A delivery failed."""
        if self._opened_at is None:
            self._opened_at = self._probed_at = self._clock()

    def succeeded(self) -> None:
        """A delivery was acknowledged."""
        self._opened_at = None
