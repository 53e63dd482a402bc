"""Bots by rate, by regularity and by what their user agent says; a mark once made stays.

Thresholds are set so that a person is not taken for a bot; a bot that takes care is not found.

Rate: more than 300 events of one kind that a hand makes within one bucket of five minutes, one a
second throughout. Purchases and impressions do not count here: one order of the demo shop has up
to 250 lines at one instant and one page shows dozens of items, both without haste.

Regularity: the last 32 moments at which the profile looked at, clicked or liked items follow each
other at no more than ten minutes and with a coefficient of variation of the gaps of at most 0.1:
a timer's. People's gaps spread about as wide as their mean (exponential gaps give 1, and 31 of
them 0.1 or less never in practice). Events of one instant are one moment, and purchases are left
out, or a customer's order of fifty lines (gaps of zero) or a standing order (one a week) would
look like a timer. It is looked at with every sixteenth event.

User agent: the collector's word, `event.context.bot`.

In the demo's year none of the 4,284 customers is marked; their purchases cannot mark them, and
the rest of what they do comes from the storefront.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

from features import timeline, windows
from features.actions import GROUP_CODES, PURCHASE
from features.state import UserState

AGENT, RATE, REGULARITY = 1, 2, 4

RATE_LIMIT = 300
HAND_GROUPS = frozenset(
    GROUP_CODES[name] for name in ("page_view", "item_view", "click", "search", "add_to_cart", "like")
)

_LOOKED_AT_EVERY = 16
_MOMENTS = 32
_LONGEST_GAP_MS = 10 * 60_000
_LEAST_VARIATION = 0.1


def judge(state: UserState, *, said: bool | None, group: int, at_us: int) -> None:
    """Mark the profile where its newest event makes it a bot.

    `said`: what the collector made of the user agent. `group`, `at_us`: the event's, counted already.
    """
    found = AGENT if said else 0
    if group in HAND_GROUPS and windows.in_shortest(state.buckets, group, at_us) > RATE_LIMIT:
        found |= RATE
    if state.version % _LOOKED_AT_EVERY == 0 and len(state.recent_marks) >= _MOMENTS and is_regular(state):
        found |= REGULARITY
    if found:
        state.bot |= found
        state.training = False


def is_regular(state: UserState) -> bool:
    """Whether the newest moments follow each other as by a timer."""
    gaps = _gaps_ms(state)
    if len(gaps) < _MOMENTS - 1 or max(gaps) > _LONGEST_GAP_MS:
        return False
    mean = sum(gaps) / len(gaps)
    return sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) <= _LEAST_VARIATION * mean


def _gaps_ms(state: UserState) -> list[int]:
    """Milliseconds between the newest moments without a purchase, at most _MOMENTS of them."""
    marks = state.recent_marks
    times = [
        at_ms
        for at_ms, action in zip(timeline.times_ms(marks), timeline.actions(marks), strict=True)
        if action != PURCHASE
    ]
    moments = list(dict.fromkeys(times))[:_MOMENTS]
    return [newer - older for newer, older in pairwise(moments)]
