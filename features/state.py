"""A profile's state: all that the features of one person are computed from."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from features import sessions, windows
from features.item_code import ItemCode

STATE_SCHEMA = 2
RECENT_KEPT = 100
BOUGHT_KEPT = 60
CART_KEPT = 50
CATEGORIES_KEPT = 32
BRANDS_KEPT = 16
SEARCHES_KEPT = 5
TRAITS_KEPT = 24
SEEN_KEPT = 64
SEEN_BYTES = 5

Trait = str | int | float | bool


class Word(Struct, array_like=True, gc=False):
    """What was said of an attribute, when, and by whom (a code of `features.traits.SOURCES`)."""

    value: Trait
    at_us: int
    source: int


def _no_buckets() -> list[windows.Buckets]:
    return [{} for _ in windows.RESOLUTIONS]


class UserState(Struct, array_like=True):
    """A snapshot at `event_us`; `features.evaluate` gives values of it at any later instant.

    Times are microseconds since 1970 UTC, or milliseconds where the name says so. Everything is
    integers, text and bytes, in memory as in storage: what has been through storage goes on to the
    same bytes as what has not. Stored as a msgpack array: append fields with a default, never
    reorder; raise STATE_SCHEMA where an old state cannot be read any more.
    """

    schema: int = STATE_SCHEMA
    # Events folded so far; the version that a response names.
    version: int = 0
    # Newest event time folded.
    event_us: int = 0
    # Timestamp of the online row: event time, yet strictly increasing with each fold.
    row_us: int = 0
    first_us: int = 0
    # False once an event without consent for training has been folded, and for a bot.
    training: bool = True
    # Events up to this time are withheld: consent for personalization was withdrawn then.
    withheld_us: int = 0
    # Why the profile is taken for a bot, bits of `features.bots`; 0 where it is not.
    bot: int = 0
    # Group code to a fading count at each half-life (see `features.fading`).
    decayed: dict[int, list[int]] = field(default_factory=dict)
    buckets: list[windows.Buckets] = field(default_factory=_no_buckets)
    # Parallel, newest first; a mark is time and action as `features.timeline` packs them.
    recent_items: list[ItemCode] = field(default_factory=list)
    recent_marks: list[int] = field(default_factory=list)
    recent_oldest_ms: int = 0
    # Purchases that are no longer among the recent actions, each item's newest; newest first.
    bought_items: list[ItemCode] = field(default_factory=list)
    bought_marks: list[int] = field(default_factory=list)
    # What the visitor likes, to fading weights; a price band is `features.affinity.price_band`.
    categories: dict[str, int] = field(default_factory=dict)
    brands: dict[str, int] = field(default_factory=dict)
    price_bands: dict[int, int] = field(default_factory=dict)
    # Fading sum of weighted logarithms of price; its weights are those of the bands.
    price_logs: int = 0
    # Hour of the day in UTC to a fading count.
    hours: dict[int, int] = field(default_factory=dict)
    sessions: list[sessions.Session] = field(default_factory=list)
    # Item to [newest millisecond and what happened then (see features.cart), quantity].
    cart: dict[ItemCode, list[int]] = field(default_factory=dict)
    # Search text to the time it was last asked for.
    searches: dict[str, int] = field(default_factory=dict)
    traits: dict[str, Word] = field(default_factory=dict)
    # Digests of the newest message ids, SEEN_BYTES each, newest first.
    seen: bytes = b""
    # The profile that this one has become; its behaviour is there, and nothing of it here.
    moved_to: str | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(UserState)
_any_decoder = msgspec.msgpack.Decoder()


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
        raise ValueError(_why(payload, error)) from error
    if state.schema != STATE_SCHEMA:
        raise ValueError(f"expected a UserState of schema {STATE_SCHEMA}, came schema {state.schema}")
    return state


def _why(payload: bytes, error: msgspec.DecodeError) -> str:
    """What is wrong with bytes of no state: most often, that they are one of another schema."""
    try:
        raw = _any_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw = None
    if isinstance(raw, list) and raw and isinstance(raw[0], int) and raw[0] != STATE_SCHEMA:
        return f"expected a UserState of schema {STATE_SCHEMA}, came schema {raw[0]}"
    return f"expected an encoded UserState of schema {STATE_SCHEMA}: {error}"
