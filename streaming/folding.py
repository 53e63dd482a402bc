"""A batch of one partition folded: pure, so that the stream and the backfill share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from contracts.event import Event, EventType, encode_event
from contracts.lake import NO_OFFSET
from contracts.lanes import OWN_BULK
from contracts.snapshot import Snapshot
from contracts.topics import KIND_ALIAS, KIND_FORWARD, KIND_MERGE
from features import seen
from features.catalogue import ItemFactsTable
from features.fold import DEFAULT_LATENESS_US, Outcome, fold
from features.instant import to_us
from features.merge import merge
from features.sampling import DEFAULT_LIMIT, weight_of
from features.state import UserState, encode_state, new_state
from streaming.aliases import UNTOUCHED, Tombstone, Trail, onward
from streaming.cells import Cell, encode_cell
from streaming.records import Become, Incoming, Origin, encode_become

# Outcomes beside those of `features.fold.Outcome`. A claim is what a login makes on an anonymous
# profile; `claimed` counts those on one that was somebody's already.
# `sampled`: left to others of its profile that stand for it (see `features.sampling`).
SAMPLED_OUT = "sampled"
MERGED, ALIASED, FORWARDED, REPEATED, POISON = "merged", "aliased", "forwarded", "repeated", "poison"
CLAIMED, SHORTENED = "claimed", "shortened"

_FOLD_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class PoisonedRecord(Exception):
    """A decodable record that the fold choked on; states of its batch are spoilt and must be read anew."""

    def __init__(self, partition: int, offset: int, reason: str) -> None:
        super().__init__(f"partition {partition}, offset {offset}: {reason}")
        self.partition = partition
        self.offset = offset
        self.reason = reason


@dataclass(frozen=True)
class Outgoing:
    """A record for the topic `events`, on its way to another profile's partition."""

    profile_id: str
    kind: bytes
    body: bytes
    origin: Origin
    trail: Trail = UNTOUCHED


@dataclass
class _Entry:
    """A snapshot to be: encoded when the state is about to move on to a later event time."""

    partition: int
    offset: int
    event_us: int
    snapshot: Snapshot | None = None


@dataclass
class PartitionFold:
    """Folds records of one home partition, in their order, into cells; collects what follows from them.

    `cells` holds a cell for every profile of the records. `received` is the newest offset taken
    in by source partition, the home's own bulk lane among them, and is updated in place. `items` is
    what the catalogue says of them.
    Without `keeps_history` each profile's last snapshot is all that is made.
    """

    partition: int
    cells: dict[str, Cell]
    received: dict[int, int] = field(default_factory=dict)
    lateness_us: int = DEFAULT_LATENESS_US
    items: ItemFactsTable | None = None
    keeps_history: bool = True
    sample_above: int = DEFAULT_LIMIT
    bot_events: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    outgoing: list[Outgoing] = field(default_factory=list)
    rejected: list[tuple[int, int, str]] = field(default_factory=list)
    taken: dict[int, int] = field(default_factory=dict)
    _entries: dict[int, tuple[str, _Entry]] = field(default_factory=dict)
    _open: dict[str, tuple[int, _Entry]] = field(default_factory=dict)
    _buried: set[str] = field(default_factory=set)
    _shortened: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def take(self, record: Incoming) -> None:
        """Fold one record. Raises PoisonedRecord."""
        if record.partition != self.partition:
            self.received[OWN_BULK] = self.taken[OWN_BULK] = record.offset
        if record.reason is not None:
            self._reject(record, record.reason)
            return
        origin = record.origin
        if origin is not None:
            if self.received.get(origin.partition, -1) >= origin.offset:
                self.outcomes[REPEATED] += 1
                return
            self.received[origin.partition] = self.taken[origin.partition] = origin.offset
        try:
            if record.profile_id:  # a turn is nobody's
                self._apply(record, self.cells[record.profile_id])
        except _FOLD_ERRORS as error:
            raise PoisonedRecord(record.partition, record.offset, f"{type(error).__name__}: {error}") from error

    def finish(self) -> tuple[list[Snapshot], list[Snapshot]]:
        """`(rows, history)`: the last snapshot of each changed profile, and all in offset order."""
        rows = [self._closed(profile_id, entry) for profile_id, (_, entry) in self._open.items()]
        history = [self._closed(profile_id, entry) for profile_id, entry in self._entries.values()]
        return rows, history

    def writes(self, rows: Sequence[Snapshot]) -> dict[str, bytes]:
        """Profile to the bytes to commit, tombstones among them."""
        found = {row.profile_id: row.state for row in rows}
        found.update((profile_id, encode_cell(self.cells[profile_id])) for profile_id in self._buried)
        return found

    def _apply(self, record: Incoming, cell: Cell) -> None:
        if record.become is not None and self._answer(record, cell, record.become):
            return
        if cell.tombstone is not None:
            if record.event is not None and seen.contains(cell.state.seen, seen.digest(record.event.message_id)):
                self.outcomes[Outcome.DUPLICATE.value] += 1
                return
            step = onward(record.profile_id, cell.tombstone, record.trail)
            if step is not None:
                self._pass_on(record, *step)
                return
            cell.tombstone = cell.state.moved_to = None
            self._buried.add(record.profile_id)
        if record.become is not None:
            self._become(record, cell, record.become)
        elif record.merged is not None:
            self._merge(record, cell, record.merged)
        elif record.event is not None:
            self._fold(record, cell, record.event)

    def _fold(self, record: Incoming, cell: Cell, event: Event) -> None:
        state = cell.state
        profile_id = record.profile_id
        if self.keeps_history and to_us(event.timestamp) > state.event_us:
            self._keep(profile_id, state)
        items, item_id = self.items, event.item_id
        facts = None if items is None or item_id is None else items.at(item_id, to_us(event.timestamp))
        weight = weight_of(state, event.type, event.message_id, to_us(event.timestamp), self.sample_above)
        if weight == 0:
            self.outcomes[SAMPLED_OUT] += 1
            return
        outcome = fold(state, event, facts=facts, weight=weight, lateness_us=self.lateness_us)
        self.outcomes[outcome.value] += 1
        if outcome is not Outcome.APPLIED:
            return
        self.bot_events += state.bot != 0
        self._note(profile_id, state, record)
        other, how = _other_profile(event)
        if other is not None and other != profile_id:
            # Named after who has folded it, not after the event: the alias ends where events do.
            self._send(other, KIND_ALIAS, encode_become(Become(how, profile_id, to_us(event.timestamp))), record)
        elif len(record.trail.profiles) > 1 and not record.trail.exact:
            self._shorten(record)

    def _merge(self, record: Incoming, cell: Cell, other: UserState) -> None:
        self._keep(record.profile_id, cell.state)
        merge(cell.state, other)
        self.outcomes[MERGED] += 1
        self._note(record.profile_id, cell.state, record)

    def _answer(self, record: Incoming, cell: Cell, become: Become) -> bool:
        """Whether a word on an alias ends here with nothing to become."""
        tombstone = cell.tombstone
        if become.target == record.profile_id or (tombstone is not None and become.target in tombstone):
            self.outcomes[REPEATED] += 1
        elif become.how == "shortcut":
            if tombstone is not None:
                self.outcomes[SHORTENED] += 1
                cell.tombstone = Tombstone(tombstone.alias, become.target)
                self._buried.add(record.profile_id)
        elif become.how == "claim" and tombstone is not None:
            self.outcomes[CLAIMED] += 1
        else:
            return False
        return True

    def _become(self, record: Incoming, cell: Cell, become: Become) -> None:
        """The profile is its target from now on; its state, if any, goes there."""
        self.outcomes[ALIASED] += 1
        state = cell.state
        if state.version:
            self._keep(record.profile_id, state)
            self._send(become.target, KIND_MERGE, encode_state(state), record)
            cell.state = _emptied(state)
            # Only unions can run in circles, where a repeat could overtake the state that its first effect is in.
            cell.state.seen = state.seen if become.how == "union" else cell.state.seen
        else:
            # Nothing is known of it: a row says where to look, as of the event that said so.
            state.event_us = max(state.event_us, become.at_us)
            state.row_us = max(state.row_us + 1, state.event_us)
        cell.state.moved_to = become.target
        self._note(record.profile_id, cell.state, record)
        self._close(record.profile_id, cell.state, self._open[record.profile_id][1])
        cell.tombstone = Tombstone(become.target)
        self._buried.add(record.profile_id)

    def _pass_on(self, record: Incoming, target: str, trail: Trail) -> None:
        self.outcomes[FORWARDED] += 1
        if record.event is not None:
            self._send(target, KIND_FORWARD, encode_event(record.event), record, trail)
        elif record.merged is not None:
            self._send(target, KIND_MERGE, encode_state(record.merged), record, trail)
        elif record.become is not None:
            self._send(target, KIND_ALIAS, encode_become(record.become), record, trail)

    def _shorten(self, record: Incoming) -> None:
        """Tell the profile that first passed the record on where it ended; once a batch is enough."""
        first = record.trail.profiles[0]
        if self._shortened.get(first) != record.profile_id:
            self._shortened[first] = record.profile_id
            self._send(first, KIND_ALIAS, encode_become(Become("shortcut", record.profile_id)), record)

    def _send(self, profile_id: str, kind: bytes, body: bytes, record: Incoming, trail: Trail = UNTOUCHED) -> None:
        """At most once a record: receivers count what comes from a partition by the offset of its cause."""
        hops = 0 if record.origin is None else record.origin.hops + 1
        self.outgoing.append(Outgoing(profile_id, kind, body, Origin(record.partition, record.offset, hops), trail))

    def _reject(self, record: Incoming, reason: str) -> None:
        self.outcomes[POISON] += 1
        self.rejected.append((record.partition, record.offset, reason))

    def _note(self, profile_id: str, state: UserState, record: Incoming) -> None:
        """A change by `record`; states that share an event time leave one snapshot, the last."""
        known = self._open.get(profile_id)
        if known is not None and (known[1].event_us == state.event_us or not self.keeps_history):
            del self._entries[known[0]]
        self._count += 1
        entry = _Entry(record.partition, record.offset, state.event_us)
        self._entries[self._count] = (profile_id, entry)
        self._open[profile_id] = (self._count, entry)

    def _keep(self, profile_id: str, state: UserState) -> None:
        """The state is about to move on: its last snapshot shows it as it is now."""
        known = self._open.get(profile_id)
        if self.keeps_history and known is not None and known[1].snapshot is None:
            self._close(profile_id, state, known[1])

    def _closed(self, profile_id: str, entry: _Entry) -> Snapshot:
        return entry.snapshot or self._close(profile_id, self.cells[profile_id].state, entry)

    def _close(self, profile_id: str, state: UserState, entry: _Entry) -> Snapshot:
        entry.snapshot = snapshot_of(profile_id, entry.partition, state, entry.offset)
        return entry.snapshot


def snapshot_of(profile_id: str, partition: int, state: UserState, offset: int = NO_OFFSET) -> Snapshot:
    """The snapshot of a state after the event at `offset`."""
    return Snapshot(
        profile_id=profile_id,
        partition=partition,
        offset=offset,
        event_us=state.event_us,
        row_us=state.row_us,
        version=state.version,
        training=state.training,
        state=encode_state(state),
    )


def _other_profile(event: Event) -> tuple[str | None, Literal["claim", "union"]]:
    """The profile that the event says is the same person as its user, and how firmly."""
    if event.user_id is not None and event.type is EventType.ALIAS and event.previous_id is not None:
        return event.previous_id, "union"
    if event.user_id is not None and event.type in (EventType.ALIAS, EventType.IDENTIFY):
        return event.anonymous_id, "claim"
    return None, "claim"


def _emptied(state: UserState) -> UserState:
    """What a profile's row shows once the behaviour is another's: nothing, and later."""
    empty = new_state()
    empty.event_us, empty.row_us = state.event_us, state.row_us + 1
    empty.training, empty.withheld_us = state.training, state.withheld_us
    return empty
