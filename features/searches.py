"""The newest search terms, each once."""

from __future__ import annotations

from features.state import SEARCHES_KEPT, UserState

_LONGEST = 64


def term(query: object) -> str:
    """A query as it is kept: lower case, single blanks, at most 64 characters; empty where it is no text."""
    return " ".join(query.lower().split())[:_LONGEST].rstrip() if isinstance(query, str) else ""


def remember(state: UserState, text: str, at_us: int) -> None:
    """Note a term; the one longest unasked goes beyond SEARCHES_KEPT, ties by text."""
    searches = state.searches
    searches[text] = max(at_us, searches.get(text, at_us))
    if len(searches) > SEARCHES_KEPT:
        del searches[min(searches, key=lambda each: (searches[each], each))]


def newest(state: UserState) -> list[str]:
    """The terms, newest first."""
    searches = state.searches
    return sorted(searches, key=lambda each: (searches[each], each), reverse=True)
