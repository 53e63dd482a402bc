"""A profile's state: all that the features of one person are computed from."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from features import decay, sessions, windows

STATE_SCHEMA = 1
RECENT_KEPT = 100
BOUGHT_KEPT = 200
CART_KEPT = 50
CATEGORIES_KEPT = 32
TRAITS_KEPT = 24
SEEN_KEPT = 64
SEEN_BYTES = 8

Trait = str | int | float | bool


def _no_buckets() -> list[windows.Buckets]:
    return [{} for _ in windows.RESOLUTIONS]


class UserState(Struct, array_like=True):
    """A snapshot at `event_us`; `features.evaluate` gives values of it at any later instant.

    Times are microseconds since 1970 UTC. Stored as a msgpack array: append fields with a
    default, never reorder; raise STATE_SCHEMA where an old state cannot be read any more.
    """

    schema: int = STATE_SCHEMA
    # Events folded so far; the version that a response names.
    version: int = 0
    # Newest event time folded.
    event_us: int = 0
    # Timestamp of the online row: event time, yet strictly increasing with each fold.
    row_us: int = 0
    first_us: int = 0
    # False once an event without consent for training has been folded.
    training: bool = True
    # Events up to this time are withheld: consent for personalization was withdrawn then.
    withheld_us: int = 0
    # Group code to decayed counter.
    decayed: dict[int, decay.Counter] = field(default_factory=dict)
    buckets: list[windows.Buckets] = field(default_factory=_no_buckets)
    # Parallel, newest first; the times as `features.recent` stores them.
    recent_items: list[str] = field(default_factory=list)
    recent_actions: list[int] = field(default_factory=list)
    recent_us: list[int] = field(default_factory=list)
    # Category to [reference_us, weight].
    categories: dict[str, list[float]] = field(default_factory=dict)
    # [reference_us, sum of weights, sum of weighted logarithms of price].
    prices: list[float] = field(default_factory=list)
    sessions: list[sessions.Session] = field(default_factory=list)
    # Item to [newest_us, what happened then (see features.cart), quantity].
    cart: dict[str, list[int]] = field(default_factory=dict)
    # Item to the day (since 1970 UTC) of its newest purchase.
    bought: dict[str, int] = field(default_factory=dict)
    # Name to (value, time it was said).
    traits: dict[str, tuple[Trait, int]] = field(default_factory=dict)
    # Digests of the newest message ids, SEEN_BYTES each, newest first.
    seen: bytes = b""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(UserState)


def new_state() -> UserState:
    """The state of a profile that nothing is known of."""
    return UserState()


def encode_state(state: UserState) -> bytes:
    """Msgpack bytes of a state: what Redis, Feast and the lake hold."""
    return _encoder.encode(state)


def decode_state(payload: bytes) -> UserState:
    """The state in `payload`. Raises ValueError where it is no state or one of another schema."""
    try:
        state = _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError(f"expected an encoded UserState of schema {STATE_SCHEMA}: {error}") from error
    if state.schema != STATE_SCHEMA:
        raise ValueError(f"expected a UserState of schema {STATE_SCHEMA}, came schema {state.schema}")
    return state
