"""What is known of a person beside behaviour, and which of two words on it wins.

Each attribute has one rule, declared in RULES; NEWEST where it has none.

NEWEST: the later word wins, at equal times the better source, then the greater text.
BY_SOURCE: the better source wins however old its word is, then the later word, then the greater text.

Where a word comes from, worst first: `context`, inferred from any event; `form`, an identify that
names this source; `account`, an identify that names none; `crm`, an identify that names it. An
identify names its source in its trait `source`, which is not kept as an attribute itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from operator import attrgetter
from typing import Any

from contracts.event import Context
from features.state import TRAITS_KEPT, UserState, Word

CONTEXT_TRAITS = ("country", "city", "device", "locale", "time_zone")

# A source's position is its rank and its code in stored states: append, never reorder.
SOURCES = ("context", "form", "account", "crm")
CONTEXT, ACCOUNT = SOURCES.index("context"), SOURCES.index("account")
_LONGEST = 128
_context_of = attrgetter(*CONTEXT_TRAITS)
_SOURCE = "source"


class Rule(Enum):
    """Which of two words on an attribute wins."""

    NEWEST = "newest"
    BY_SOURCE = "by source"


RULES: dict[str, Rule] = {
    # Where a visitor is and with what: the newest word is the true one.
    "country": Rule.NEWEST,
    "city": Rule.NEWEST,
    "device": Rule.NEWEST,
    "locale": Rule.NEWEST,
    "time_zone": Rule.NEWEST,
    # What the shop's own records know better than a form filled in later.
    "birth_year": Rule.BY_SOURCE,
    "gender": Rule.BY_SOURCE,
    "customer_since": Rule.BY_SOURCE,
    "customer_type": Rule.BY_SOURCE,
    "company": Rule.BY_SOURCE,
    "industry": Rule.BY_SOURCE,
    "plan": Rule.BY_SOURCE,
    "tier": Rule.BY_SOURCE,
}


def take_context(state: UserState, context: Context, at_us: int) -> None:
    """Take in what an event's context says."""
    known = state.traits
    for name, value in zip(CONTEXT_TRAITS, _context_of(context), strict=True):
        if value is None:
            continue
        word = known.get(name)
        if word is not None and word.value == value and word.source == CONTEXT:
            if word.at_us < at_us:
                word.at_us = at_us
        else:
            put(state, name, Word(value, at_us, CONTEXT))


def learn(state: UserState, traits: Mapping[str, Any], at_us: int) -> None:
    """Take in attributes said at `at_us`; what is no text, number or truth value is passed over."""
    named = traits.get(_SOURCE)
    source = SOURCES.index(named) if isinstance(named, str) and named in SOURCES else ACCOUNT
    for name, value in traits.items():
        if name == _SOURCE or len(name) > _LONGEST or not isinstance(value, str | int | float):
            continue
        if isinstance(value, str) and len(value) > _LONGEST:
            continue
        put(state, name, Word(value, at_us, source))


def put(state: UserState, name: str, word: Word) -> None:
    """Let a word stand if it wins. Beyond TRAITS_KEPT the last by name go, but none of the context's."""
    known = state.traits
    if name not in known or wins(name, word, known[name]):
        known[name] = word
    if len(known) > TRAITS_KEPT:
        del known[max(other for other in known if other not in CONTEXT_TRAITS)]


def wins(name: str, word: Word, over: Word) -> bool:
    """Whether `word` on the attribute wins over another."""
    return _rank(name, word) > _rank(name, over)


def _rank(name: str, word: Word) -> tuple[int, int, str, str]:
    last = (str(word.value), type(word.value).__name__)
    if RULES.get(name, Rule.NEWEST) is Rule.BY_SOURCE:
        return (word.source, word.at_us, *last)
    return (word.at_us, word.source, *last)
