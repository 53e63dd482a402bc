"""Hot profiles: of what a profile does by the thousand within minutes, one event in k stands for k.

Once a kind of event has been counted more often within its bucket of five minutes than the limit,
one in two is folded with weight two, beyond twice the limit one in four, and so on; which ones
is said by a hash of the message id. The decision needs the state and the event alone, so whoever folds
the same events in the same order keeps the same ones.

The count stays unbiased (Horvitz and Thompson, JASA 1952): an event kept with probability 1/k adds k.
While one in k is kept the bucket's count is at least limit * k / 2, so of n events the
variance is at most the sum of k - 1 over them, below n * 2 n / limit: the standard deviation of
n is at most n * sqrt(2 / limit), 3.2% at 2,000.
"""

from __future__ import annotations

from zlib import crc32

from contracts.event import EventType
from features import windows
from features.actions import GROUP_OF
from features.state import UserState

# More of one kind within five minutes than any person's page sends.
DEFAULT_LIMIT = 2_000

# What is bought or put into a cart, who somebody is and what they allow counts one by one.
SAMPLED = frozenset(
    {
        EventType.PAGE_VIEW,
        EventType.ITEM_VIEW,
        EventType.CLICK,
        EventType.SEARCH,
        EventType.HOVER,
        EventType.SCROLL,
        EventType.DWELL,
        EventType.VIDEO_PROGRESS,
        EventType.IMPRESSION,
    }
)


def stride(counted: int, limit: int) -> int:
    """One event in so many is kept, a power of two: 1 up to `limit` counted, 2 up to twice as many, and so on."""
    return 1 if counted <= limit else 1 << ((counted - 1) // limit).bit_length()


def weight_of(state: UserState, kind: EventType, message_id: str, at_us: int, limit: int) -> int:
    """How many events this one stands for; 0 where others of its profile stand for it."""
    if kind not in SAMPLED:
        return 1
    every = stride(windows.in_shortest(state.buckets, GROUP_OF[kind], at_us), limit)
    if every == 1:
        return 1
    return 0 if crc32(message_id.encode()) % every else every
