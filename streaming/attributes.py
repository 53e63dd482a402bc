"""Rows of `user_demographics` and `user_segments`: what changes seldom, written only when it has.

They follow a batch's commit, within a budget, so that no click waits for them: a rule over all
of a profile's values costs as much as everything else about an event.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from contracts.lake import USER_DEMOGRAPHICS, USER_SEGMENTS
from features.evaluate import Values
from features.segments import segments
from features.state import UserState
from features.traits import CONTEXT_TRAITS
from streaming.cells import Cell
from streaming.feature_rows import FeatureRows, OnlineRow

_BACKLOG = 10_000


def demographics_values(state: UserState) -> dict[str, str | None]:
    """What is known of the person, by column; what `identify` taught beside it as JSON in `traits`."""
    values: dict[str, str | None] = {}
    for name in CONTEXT_TRAITS:
        values[name] = str(state.traits[name].value) if name in state.traits else None
    said = {name: state.traits[name].value for name in sorted(state.traits) if name not in CONTEXT_TRAITS}
    values["traits"] = msgspec.json.encode(said).decode()
    return values


def segment_names(state: UserState) -> list[str]:
    """The segments of a profile as of its newest event."""
    return segments(Values(state, state.event_us))


def write_attribute_rows(rows: FeatureRows, profiles: Sequence[tuple[str, UserState]]) -> None:
    """Write both views' rows of these profiles as their states stand. Raises RedisError."""
    rows.write_attributes(
        {
            USER_DEMOGRAPHICS: [OnlineRow(name, one.row_us, demographics_values(one)) for name, one in profiles],
            USER_SEGMENTS: [OnlineRow(name, one.row_us, {"segments": segment_names(one)}) for name, one in profiles],
        }
    )


class AttributeRows:
    """Profiles whose attributes may have changed, and the rows that follow."""

    def __init__(self, rows: FeatureRows) -> None:
        self._rows = rows
        self._waiting: OrderedDict[tuple[int, str], Cell] = OrderedDict()
        self._paid: defaultdict[int, set[str]] = defaultdict(set)

    @property
    def waiting(self) -> int:
        """Profiles whose rows are still to be written."""
        return len(self._waiting)

    def note(self, partition: int, cells: Mapping[str, Cell]) -> None:
        """These cells have been committed with changes."""
        for profile_id, cell in cells.items():
            key = (partition, profile_id)
            self._waiting[key] = cell
            self._waiting.move_to_end(key)
            self._paid[partition].discard(profile_id)
        while len(self._waiting) > _BACKLOG:
            self._waiting.popitem(last=False)

    def drop(self, partition: int) -> None:
        """The partition's cells are no longer this worker's."""
        for key in [key for key in self._waiting if key[0] == partition]:
            del self._waiting[key]
        self._paid.pop(partition, None)

    def take_paid(self, partition: int) -> set[str]:
        """Profiles that are owed no rows any more, once each."""
        return self._paid.pop(partition, set())

    def write(self, *, budget: int) -> None:
        """Bring up to `budget` profiles' rows up to date, newest changes first. Raises RedisError."""
        demographics, segment_rows, cells = [], [], []
        for _ in range(min(budget, len(self._waiting))):
            (partition, profile_id), cell = self._waiting.popitem()
            state = cell.state
            values = demographics_values(state)
            known, names = tuple(values.values()), segment_names(state)
            if known != cell.demographics:
                demographics.append(OnlineRow(profile_id, state.row_us, values))
            if names != cell.segments:
                segment_rows.append(OnlineRow(profile_id, state.row_us, {"segments": names}))
            cells.append((partition, profile_id, cell, known, names))
        self._rows.write_attributes({USER_DEMOGRAPHICS: demographics, USER_SEGMENTS: segment_rows})
        for partition, profile_id, cell, known, names in cells:
            cell.demographics, cell.segments = known, names
            self._paid[partition].add(profile_id)
