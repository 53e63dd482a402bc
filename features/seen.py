"""The newest message ids of a profile, so that a repeated one counts once."""

from __future__ import annotations

from hashlib import blake2b

from features.state import SEEN_BYTES, SEEN_KEPT


def digest(message_id: str) -> bytes:
    """SEEN_BYTES bytes that stand for a message id (BLAKE2b)."""
    return blake2b(message_id.encode(), digest_size=SEEN_BYTES).digest()


def contains(seen: bytes, code: bytes) -> bool:
    """Whether a digest is among those seen."""
    at = seen.find(code)
    while at >= 0:
        if at % SEEN_BYTES == 0:
            return True
        at = seen.find(code, at + 1)
    return False


def remember(seen: bytes, code: bytes) -> bytes:
    """The digests with one more, the oldest beyond SEEN_KEPT forgotten."""
    return (code + seen)[: SEEN_KEPT * SEEN_BYTES]


def unite(one: bytes, other: bytes) -> bytes:
    """The digests of both, taken in turn so that each side's newest are kept."""
    codes = [
        side[at : at + SEEN_BYTES]
        for at in range(0, max(len(one), len(other)), SEEN_BYTES)
        for side in (one, other)
        if at < len(side)
    ]
    return b"".join(dict.fromkeys(codes))[: SEEN_KEPT * SEEN_BYTES]
