"""One table of the lake, fed from one topic: each record once, whoever is killed when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from streaming.faults import fault
from streaming.lake_commit import Overtaken, append_with_offsets, stored_offsets
from streaming.lake_rows import Placed

_ATTEMPTS = 5

# Name of an origin, and the offset there.
Source = tuple[str, int]


class TableSink:
    """Buffers a topic's records and appends them with the offsets they end at.

    `offsets` is the next offset to take by partition. A record may say many things, and repeat
    what an earlier one said: `source_of` names the origin of each and the offset there, and those
    not beyond the newest source kept are passed over.
    """

    def __init__(
        self,
        table: Table,
        topic: str,
        to_rows: Callable[[Sequence[Placed]], pa.Table],
        *,
        source_of: Callable[[Placed], Source | None] | None = None,
        on_reload: Callable[[], None] | None = None,
    ) -> None:
        self._table = table
        self._topic = topic
        self._to_rows = to_rows
        self._source_of = source_of
        self._on_reload = on_reload
        self.reload()

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self._table.name()[-1])

    @property
    def topic(self) -> str:
        """The topic it is fed from."""
        return self._topic

    @property
    def pending(self) -> int:
        """Rows to be that wait for the next commit."""
        return len(self._pending)

    def reload(self) -> None:
        """Forget what is pending and stand where the table's newest offsets say."""
        self._table.refresh()
        self.offsets, self._sources = stored_offsets(self._table, self._topic)
        self._committed = dict(self.offsets), dict(self._sources)
        self._pending: list[Placed] = []
        if self._on_reload is not None:
            self._on_reload()

    def take(self, partition: int, offset: int, values: Sequence[Any]) -> None:
        """Keep what a record says for the next commit, unless the table has the record or its source."""
        if offset < self.offsets.get(partition, 0):
            return
        self.offsets[partition] = offset + 1
        for value in values:
            placed = Placed(partition, offset, value)
            if self._source_of is not None:
                source = self._source_of(placed)
                if source is not None and source[1] <= self._sources.get(source[0], -1):
                    continue
                if source is not None:
                    self._sources[source[0]] = source[1]
            self._pending.append(placed)

    def flush(self) -> int:
        """Append what is pending; the number of rows.

        Raises Overtaken where another sink has fed the table, CommitFailedException, OSError.
        """
        if not self._pending:
            return 0
        rows = self._to_rows(self._pending)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                fault("lake: before append")
                append_with_offsets(self._table, rows, self._topic, self.offsets, self._sources)
                fault("lake: after append")
                break
            except CommitFailedException:
                if attempt == _ATTEMPTS:
                    raise
                self._table.refresh()
                if stored_offsets(self._table, self._topic) != self._committed:
                    raise Overtaken(f"{self.name}: another sink has committed offsets of {self._topic}") from None
        self._committed = dict(self.offsets), dict(self._sources)
        self._pending = []
        return int(rows.num_rows)
