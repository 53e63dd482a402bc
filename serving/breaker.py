"""A circuit breaker: one caller pays for what does not answer, those after it do not."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog


class Breaker:
    """Closed while the other side answers; opened by `trip`, closed again by a probe in the background.

    No caller is ever used as the probe, so a side that hangs costs a request its timeout once.
    """

    def __init__(self, name: str, *, probe: Callable[[], object], errors: tuple[type[Exception], ...], retry_s: float):
        """`probe` raises one of `errors` while the other side is away; it is tried each `retry_s` seconds."""
        self._name = name
        self._probe = probe
        self._errors = errors
        self._retry_s = retry_s
        self._tripped = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"breaker-{name}", daemon=True)
        self._log = structlog.get_logger(__name__)

    @property
    def closed(self) -> bool:
        """True while calls may go through."""
        return not self._tripped.is_set()

    def trip(self, error: Exception) -> None:
        """Let no call through until a probe has succeeded."""
        if not self._tripped.is_set():
            self._tripped.set()
            self._log.warning("breaker.opened", side=self._name, error=f"{type(error).__name__}: {error}")

    def start(self) -> None:
        """Begin to probe whenever tripped."""
        self._thread.start()

    def stop(self) -> None:
        """End the probing; waits for a probe that is under way."""
        self._stopped.set()
        self._tripped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._tripped.wait()
            if self._stopped.wait(self._retry_s):
                return
            try:
                self._probe()
            except self._errors:
                continue
            self._tripped.clear()
            self._log.info("breaker.closed", side=self._name)
