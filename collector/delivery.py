"""One request's records on their way to Kafka: many acknowledgements become one awaitable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Delivery:
    """Collects acknowledgements on Kafka's thread and wakes the event loop once, after the last.

    `done` runs on the event loop with the first error, or None where Kafka has every record.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, done: Callable[[Delivery], None], *, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.error: BaseException | None = None
        self.finished: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._done = done
        self._expected: int | None = None
        # Appending is atomic, and so may happen on Kafka's thread and, for what is settled already, on the loop's.
        self._settled: list[None] = []

    def acknowledged(self, _metadata: object) -> None:
        """Kafka has one more record. For Kafka's thread."""
        self._settle()

    def failed(self, error: BaseException) -> None:
        """Kafka does not have one of the records, or nobody knows. For Kafka's thread."""
        self.error = error
        self._settle()

    def expect(self, count: int) -> None:
        """That many records were handed over, and no more will be. For the event loop."""
        self._expected = count
        if len(self._settled) == count:
            self._finish()

    def _settle(self) -> None:
        self._settled.append(None)
        # A loop that was closed meanwhile has nobody left who waits.
        if len(self._settled) == self._expected and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)
            self._done(self)
