"""One person's events folded from nothing, forwards and merges delivered at once, as the stream would fold them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.event import Event
from contracts.snapshot import Snapshot
from features.catalogue import ItemFactsTable
from features.fold import DEFAULT_LATENESS_US, Outcome
from features.sampling import DEFAULT_LIMIT
from features.state import new_state
from streaming.cells import Cell
from streaming.folding import Outgoing, PartitionFold, PoisonedRecord
from streaming.records import Incoming, read_derived


class _Cells(dict[str, Cell]):
    """Whoever is asked for and not there is new."""

    def __missing__(self, profile_id: str) -> Cell:
        cell = self[profile_id] = Cell(new_state())
        return cell


@dataclass
class Refolded:
    """What a person's events leave.

    `writes` is what to store by profile, tombstones among them, `rows` the last snapshot of each changed
    profile, whose cell is in `cells`. `history` holds every snapshot beside the number of the event that
    it follows from. `poisoned` are the numbers of events that the fold choked on and that were left out.
    """

    writes: dict[str, bytes] = field(default_factory=dict)
    rows: list[Snapshot] = field(default_factory=list)
    cells: dict[str, Cell] = field(default_factory=dict)
    history: list[tuple[int, Snapshot]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    poisoned: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Folding:
    """How to fold: with what the catalogue says of items, and whether to keep every snapshot."""

    items: ItemFactsTable | None = None
    lateness_us: int = DEFAULT_LATENESS_US
    history: bool = False
    sample_above: int = DEFAULT_LIMIT


def refold(events: Sequence[Event], how: Folding) -> Refolded:
    """Fold events of people who may be one, in the order of their arrival."""
    poisoned: set[int] = set()
    while True:
        person = _Person(how)
        for number, event in enumerate(events):
            if number in poisoned:
                continue
            try:
                person.take(event, number)
            except PoisonedRecord:
                # It may have altered states before it failed: all over again without it.
                poisoned.add(number)
                break
        else:
            return person.finish(poisoned)


class _Person:
    """A partition with the person's profiles alone; what it sends comes back at once."""

    def __init__(self, how: Folding) -> None:
        self._cells = _Cells()
        self._fold = PartitionFold(
            0,
            self._cells,
            lateness_us=how.lateness_us,
            items=how.items,
            keeps_history=how.history,
            sample_above=how.sample_above,
        )
        # By the offset that a record never had, the number of the event that it follows from.
        self._causes: list[int] = []
        self._taken: set[tuple[str, str]] = set()

    def take(self, event: Event, number: int) -> None:
        """Fold an event and all that follows from it, once however often it was sent. Raises PoisonedRecord.

        The lake also has a refused event that was replayed twice: where it stood, and where it came back.
        """
        message = (event.profile_id, event.message_id)
        if message in self._taken:
            self._fold.outcomes[Outcome.DUPLICATE.value] += 1
            return
        self._taken.add(message)
        self._fold.take(Incoming(0, self._offset(number), event.profile_id, event=event))
        if self._fold.outgoing:
            self._deliver(number)

    def finish(self, poisoned: set[int]) -> Refolded:
        """What is left of the person when all is folded."""
        rows, history = self._fold.finish()
        return Refolded(
            writes=self._fold.writes(rows),
            rows=rows,
            cells=self._cells,
            history=[(self._causes[one.offset], one) for one in history] if self._fold.keeps_history else [],
            outcomes=self._fold.outcomes,
            poisoned=poisoned,
        )

    def _deliver(self, number: int) -> None:
        waiting: deque[Outgoing] = deque()
        while True:
            waiting.extend(self._fold.outgoing)
            self._fold.outgoing.clear()
            if not waiting:
                return
            sent = waiting.popleft()
            offset = self._offset(number)
            origin = sent.origin._replace(offset=offset)
            record = Incoming(0, offset, sent.profile_id, origin=origin)
            read_derived(record, sent.kind, sent.body, sent.trail)
            self._fold.take(record)

    def _offset(self, number: int) -> int:
        self._causes.append(number)
        return len(self._causes) - 1
