"""Decoded states in memory, guarded by the commit: a hit is the state as of the partition's offset."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Set

from streaming.cells import Cell, decode_cell
from streaming.checkpoint import Checkpoint, Position


class UnreadableState(ValueError):
    """Stored bytes that this version cannot read; folding on without them would forget what they hold."""

    def __init__(self, profile_id: str, reason: ValueError) -> None:
        super().__init__(
            f"state of profile {profile_id}: {reason}. It stays as it is and events wait in Kafka; "
            "`clickloop rebuild` makes all states anew from the lake's events, and the worker then goes on"
        )


class States:
    """Cells by partition and profile, least recently used beyond `capacity` forgotten.

    Valid only while this worker's commits on a partition succeed: whoever sees a conflict, an
    error or a rebalance calls `drop`. A miss is read together with the partition's offset, so
    that all cells of a batch are as of one offset.
    """

    def __init__(self, checkpoint: Checkpoint, *, capacity: int) -> None:
        self._checkpoint = checkpoint
        self._capacity = capacity
        self._cells: dict[int, OrderedDict[str, Cell]] = {}

    def load(self, wanted: Mapping[int, Set[str]], positions: Mapping[int, Position]) -> dict[int, dict[str, Cell]]:
        """Cells of the wanted profiles. Raises Conflict, RedisError, UnreadableState."""
        missing = {
            partition: [profile for profile in profiles if profile not in self._cells.get(partition, {})]
            for partition, profiles in wanted.items()
        }
        missing = {partition: profiles for partition, profiles in missing.items() if profiles}
        if missing:
            starts = {partition: positions[partition].token for partition in missing}
            for partition, payloads in self._checkpoint.read(missing, starts).items():
                kept = self._cells.setdefault(partition, OrderedDict())
                for profile, payload in zip(missing[partition], payloads, strict=True):
                    kept[profile] = _decoded(profile, payload)
        return {partition: self._touched(partition, profiles) for partition, profiles in wanted.items()}

    def drop(self, partition: int) -> None:
        """Forget a partition's cells."""
        self._cells.pop(partition, None)

    def trim(self) -> None:
        """Forget what is beyond the capacity. Only between batches, for a batch's cells must stay."""
        if not self._cells:
            return
        share = max(1, self._capacity // len(self._cells))
        for cells in self._cells.values():
            while len(cells) > share:
                cells.popitem(last=False)

    def _touched(self, partition: int, profiles: Set[str]) -> dict[str, Cell]:
        kept = self._cells.get(partition)
        if kept is None:
            return {}
        for profile in profiles:
            kept.move_to_end(profile)
        return {profile: kept[profile] for profile in profiles}


def _decoded(profile: str, payload: bytes | None) -> Cell:
    try:
        return decode_cell(payload)
    except ValueError as error:
        raise UnreadableState(profile, error) from error
