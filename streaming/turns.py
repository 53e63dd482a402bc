"""When the bulk lane's records get their turn: the main lane says, so that everybody agrees."""

from __future__ import annotations

from collections import deque
from typing import Any

from contracts.topics import KIND_HEADER, KIND_TURN


def turn_end(record: Any) -> int | None:
    """The bulk offset up to which a record of the main lane gives the turn; None where it is no turn.

    One that does not say so in digits gives the turn to nothing.
    """
    if (KIND_HEADER, KIND_TURN) not in record.headers:
        return None
    value: bytes = record.value or b""
    return int(value) if value.isdigit() else 0


class Turns:
    """The records of a home in the order in which they are folded.

    The main lane is that order. A worker that holds records of the bulk lane appends a turn to the
    main lane, which names the bulk offset up to which they are folded where the turn stands: all that
    was in the main lane before goes first, nothing after it waits for more than a share of the bulk,
    and whoever folds the home again, after a crash or a Redis that lost its last second, folds it
    in the same order.
    """

    def __init__(self, *, main: int, bulk: int) -> None:
        """`main` and `bulk` are the next offsets to fold."""
        self._main_fetched = main
        self._bulk_fetched = bulk
        self._held: list[Any] = []
        self._waiting: deque[Any] = deque()
        self._asked = bulk
        self.bulk = bulk

    @property
    def holds(self) -> bool:
        """Whether a turn waits for bulk records that have not been fetched."""
        return bool(self._held)

    @property
    def held(self) -> int:
        """Main records fetched and not yet folded."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """Bulk records fetched and not yet folded."""
        return len(self._waiting)

    def add_main(self, record: Any) -> None:
        """The next record of the main lane, as fetched; one fetched before is passed over."""
        if record.offset >= self._main_fetched:
            self._held.append(record)
            self._main_fetched = record.offset + 1

    def add_bulk(self, record: Any) -> None:
        """The next record of the bulk lane, as fetched; one fetched before is passed over."""
        if record.offset >= self._bulk_fetched:
            self._waiting.append(record)
            self._bulk_fetched = record.offset + 1

    def due(self, bulk_position: int) -> list[Any]:
        """The records to fold next, turns among them; `bulk_position` is where fetching of the bulk lane stands."""
        held, self._held = self._held, []
        if not any(record.headers for record in held):
            return held
        found: list[Any] = []
        for place, record in enumerate(held):
            end = turn_end(record) if record.headers else None
            if end is not None and end > self.bulk:
                if max(self._bulk_fetched, bulk_position) < end:
                    self._held = held[place:]
                    break
                while self._waiting and self._waiting[0].offset < end:
                    found.append(self._waiting.popleft())
                self.bulk = end
            found.append(record)
        return found

    def ask(self, share: int) -> int | None:
        """Up to which bulk offset a turn is to be asked for now: `share` records at most, one turn at a time."""
        if self._asked > self.bulk or not self._waiting:
            return None
        self._asked = self._waiting[min(share, len(self._waiting)) - 1].offset + 1
        return self._asked
