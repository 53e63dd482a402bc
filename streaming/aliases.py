"""How a record finds the profile that another has become: along aliases, by shortcuts, out of circles."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

_encoder = msgspec.json.Encoder()


class Trail(NamedTuple):
    """The profiles that passed a record on, in order.

    `exact`: each step since the first of them was an alias, none a shortcut.
    """

    profiles: tuple[str, ...] = ()
    exact: bool = False

    def encode(self) -> bytes:
        """The value of TRAIL_HEADER."""
        return _encoder.encode(self)

    @classmethod
    def decode(cls, value: bytes) -> Trail:
        """Raises ValueError where the value is no trail."""
        try:
            return _decoder.decode(value)
        except msgspec.DecodeError as error:
            raise ValueError(f"expected a trail of profiles, came {value[:80]!r}: {error}") from error


_decoder = msgspec.json.Decoder(Trail)

# Of a record that nobody has passed on yet.
UNTOUCHED = Trail()


class Tombstone(NamedTuple):
    """What stands where a profile was: whom it became, and where records for that one were last seen to end."""

    alias: str
    shortcut: str | None = None


def onward(profile_id: str, tombstone: Tombstone, trail: Trail) -> tuple[str, Trail] | None:
    """The next profile for a record that came to `profile_id`; None where that profile has to take it itself.

    Two people made each other's alias at once run in a circle. Aliases alone say who belongs to it, for
    they never change while they stand, so a record that meets a profile again walks the circle by aliases
    once more; its greatest profile, whichever record comes there first, stops being an alias.
    """
    alias, shortcut = tombstone
    walked = trail.profiles
    if profile_id not in walked:
        return alias if trail.exact else shortcut or alias, Trail((*walked, profile_id), trail.exact)
    if not trail.exact:
        return alias, Trail((profile_id,), True)
    lap = walked[walked.index(profile_id) :]
    then = lap[1] if len(lap) > 1 else profile_id
    if profile_id == max(lap) and alias == then:
        return None
    return alias, Trail((*lap[1:], profile_id), True)
