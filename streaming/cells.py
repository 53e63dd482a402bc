"""What stands at a profile's key: its state, or the tombstone of a profile that has become another."""

from __future__ import annotations

import msgspec

from features.state import UserState, decode_state, encode_state, new_state
from streaming.aliases import Tombstone

# A stored state is a msgpack array, whose first byte is 0x90 or above; this one is below.
_ALIAS_MARK = b"@"

_encoder = msgspec.msgpack.Encoder()
# Alias, shortcut, and what is left of the state: its clocks, should the profile ever have one again.
_decoder = msgspec.msgpack.Decoder(tuple[str, str | None, bytes])


class Cell:
    """A profile in memory. With a `tombstone` it has been merged into another; its state is then empty.

    `demographics` and `segments` remember what was last written of them, None where unknown.
    """

    __slots__ = ("demographics", "segments", "state", "tombstone")

    def __init__(self, state: UserState, tombstone: Tombstone | None = None) -> None:
        self.state = state
        self.tombstone = tombstone
        self.demographics: tuple[object, ...] | None = None
        self.segments: list[str] | None = None

    @property
    def alias(self) -> str | None:
        """The profile that this one has become, None where it is one of its own."""
        return None if self.tombstone is None else self.tombstone.alias


def encode_cell(cell: Cell) -> bytes:
    """The bytes to store."""
    state = encode_state(cell.state)
    return state if cell.tombstone is None else _ALIAS_MARK + _encoder.encode((*cell.tombstone, state))


def decode_cell(payload: bytes | None) -> Cell:
    """The cell in stored bytes, a new one where nothing is stored. Raises ValueError."""
    if payload is None:
        return Cell(new_state())
    if not payload.startswith(_ALIAS_MARK):
        return Cell(decode_state(payload))
    try:
        alias, shortcut, state = _decoder.decode(payload[len(_ALIAS_MARK) :])
    except msgspec.DecodeError as error:
        raise ValueError(f"expected a state or a tombstone, came {payload[:40]!r}") from error
    return Cell(decode_state(state), Tombstone(alias, shortcut))
