"""What stands at a profile's key: its state, or the user whom the profile has become."""

from __future__ import annotations

from features.state import UserState, decode_state, new_state

# A stored state is a msgpack array, whose first byte is 0x90 or above; this one is below.
_ALIAS_MARK = b"@"


class Cell:
    """A profile in memory. `alias` names the user it was merged into; its state is then empty.

    `demographics` and `segments` remember what was last written of them, None where unknown.
    """

    __slots__ = ("alias", "demographics", "segments", "state")

    def __init__(self, state: UserState, alias: str | None = None) -> None:
        self.state = state
        self.alias = alias
        self.demographics: tuple[object, ...] | None = None
        self.segments: list[str] | None = None


def encode_alias(user_id: str) -> bytes:
    """The tombstone that stands where an anonymous profile's state was."""
    return _ALIAS_MARK + user_id.encode()


def decode_cell(payload: bytes | None) -> Cell:
    """The cell in stored bytes, a new one where nothing is stored. Raises ValueError."""
    if payload is None:
        return Cell(new_state())
    if payload.startswith(_ALIAS_MARK):
        return Cell(new_state(), payload[len(_ALIAS_MARK) :].decode())
    return Cell(decode_state(payload))
