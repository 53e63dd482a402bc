"""The fold of one profile's records, its whole memory in one string of bytes.

For engines that keep state by key themselves, Spark among them: what the worker keeps by
partition in Redis (how far forwards were taken in) stands here beside the profile's cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from contracts.snapshot import Snapshot
from contracts.topics import KIND_HEADER, ORIGIN_HEADER, TRAIL_HEADER
from features.catalogue import ItemFactsTable
from features.fold import DEFAULT_LATENESS_US
from streaming.attributes import demographics_values, segment_names
from streaming.cells import Cell, decode_cell
from streaming.folding import Outgoing, PartitionFold, PoisonedRecord
from streaming.records import Incoming, decode_record

MEMORY_SCHEMA = 1


class Record(msgspec.Struct):
    """A record of `events` as an engine hands it over; `timestamp` in milliseconds since 1970 UTC."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Memory(msgspec.Struct, array_like=True):
    """All that is kept of a profile: append fields with a default, never reorder.

    `cell` is what the worker keeps at the profile's key in Redis. `received`: source partition to
    the newest offset there whose forward or merge was taken in. `demographics` and `segments`
    are those last told to the stores, None before any.
    """

    schema: int = MEMORY_SCHEMA
    cell: bytes | None = None
    received: dict[int, int] = msgspec.field(default_factory=dict)
    demographics: dict[str, str | None] | None = None
    segments: list[str] | None = None


class Derived(msgspec.Struct, array_like=True):
    """A record for another profile's partition of `events`; `partition` and `offset` are of the record behind it."""

    profile_id: str
    body: bytes
    headers: list[tuple[str, bytes]]
    partition: int
    offset: int


class Refused(msgspec.Struct, array_like=True):
    """A record that could not be understood."""

    partition: int
    offset: int
    reason: str
    value: bytes | None


class Folded(msgspec.Struct, array_like=True):
    """What a batch made of one profile. `history` is in order of folding, its last the profile's row.

    `demographics` and `segments` are set where they changed.
    """

    profile_id: str
    history: list[Snapshot] = []
    demographics: dict[str, str | None] | None = None
    segments: list[str] | None = None
    derived: list[Derived] = []
    refused: list[Refused] = []
    outcomes: dict[str, int] = {}


@dataclass
class _Pass:
    """One attempt at a batch: a record that the fold chokes on spoils it, and the next one refuses that record."""

    cell: Cell
    received: dict[int, int]
    lateness_us: int
    items: ItemFactsTable | None
    folds: list[PartitionFold] = field(default_factory=list)
    history: list[Snapshot] = field(default_factory=list)
    stored: bytes | None = None


_memory_encoder = msgspec.msgpack.Encoder()
_memory_decoder = msgspec.msgpack.Decoder(Memory)
_folded_encoder = msgspec.msgpack.Encoder()
_folded_decoder = msgspec.msgpack.Decoder(Folded)


def decode_memory(payload: bytes | None) -> Memory:
    """The memory in stored bytes, a new one where nothing is stored. Raises ValueError on another schema."""
    if payload is None:
        return Memory()
    memory = _memory_decoder.decode(payload)
    if memory.schema != MEMORY_SCHEMA:
        raise ValueError(f"expected a profile's memory of schema {MEMORY_SCHEMA}, came schema {memory.schema}")
    return memory


def encode_folded(folded: Folded) -> bytes:
    """Msgpack bytes, on their way from the fold to the sink."""
    return _folded_encoder.encode(folded)


def decode_folded(payload: bytes) -> Folded:
    """What `encode_folded` wrote."""
    return _folded_decoder.decode(payload)


def fold_records(
    payload: bytes | None,
    profile_id: str,
    records: Sequence[Record],
    *,
    lateness_us: int = DEFAULT_LATENESS_US,
    items: ItemFactsTable | None = None,
) -> tuple[bytes, Folded]:
    """`(memory, folded)` of one profile's records of one batch, in whatever order they come.

    Deterministic: the same memory, records and items as of them give the same, so an engine may repeat a batch.
    Records that are nobody's (no key, no event) come under any profile and only get refused.
    """
    memory = decode_memory(payload)
    ordered = sorted(records, key=lambda record: (record.partition, record.offset))
    passed, poison = None, dict[tuple[int, int], str]()
    while passed is None:
        try:
            fresh = _Pass(decode_cell(memory.cell), dict(memory.received), lateness_us, items)
            passed = _fold(fresh, profile_id, ordered, poison)
        except PoisonedRecord as found:
            poison[found.partition, found.offset] = found.reason
    folded = _told(profile_id, ordered, passed)
    if passed.stored is not None:
        memory.cell = passed.stored
    memory.received = passed.received
    if passed.history:
        _note_attributes(memory, passed.cell, folded)
    return _memory_encoder.encode(memory), folded


def _fold(passed: _Pass, profile_id: str, ordered: Sequence[Record], poison: dict[tuple[int, int], str]) -> _Pass:
    cells, options = {profile_id: passed.cell}, (passed.lateness_us, passed.items)
    for partition, some in groupby(ordered, key=lambda record: record.partition):
        fold = PartitionFold(partition, cells, passed.received, *options)
        for incoming in _incoming(partition, some, poison):
            fold.take(incoming)
        rows, history = fold.finish()
        passed.folds.append(fold)
        passed.history += history
        passed.stored = fold.writes(rows).get(profile_id, passed.stored)
    return passed


def _incoming(partition: int, records: Iterator[Record], poison: dict[tuple[int, int], str]) -> Iterator[Incoming]:
    for record in records:
        incoming = decode_record(record)
        incoming.reason = incoming.reason or poison.get((partition, record.offset))
        yield incoming


def _told(profile_id: str, ordered: Sequence[Record], passed: _Pass) -> Folded:
    values = {(record.partition, record.offset): record.value for record in ordered}
    folded = Folded(profile_id, history=passed.history)
    outcomes: dict[str, int] = {}
    for fold in passed.folds:
        for outcome, number in fold.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + number
        folded.derived += [
            Derived(
                one.profile_id,
                one.body,
                _headers(one),
                one.origin.partition,
                one.origin.offset,
            )
            for one in fold.outgoing
        ]
        folded.refused += [
            Refused(partition, offset, reason, values[partition, offset]) for partition, offset, reason in fold.rejected
        ]
    folded.outcomes = outcomes
    return folded


def _headers(sent: Outgoing) -> list[tuple[str, bytes]]:
    headers = [(KIND_HEADER, sent.kind), (ORIGIN_HEADER, sent.origin.encode())]
    return [*headers, (TRAIL_HEADER, sent.trail.encode())] if sent.trail.profiles else headers


def _note_attributes(memory: Memory, cell: Cell, folded: Folded) -> None:
    demographics, segments = demographics_values(cell.state), segment_names(cell.state)
    if demographics != memory.demographics:
        memory.demographics = folded.demographics = demographics
    if segments != memory.segments:
        memory.segments = folded.segments = segments


def stored_cell(payload: bytes | None) -> Cell:
    """The profile's cell in an engine's stored bytes."""
    return decode_cell(decode_memory(payload).cell)
