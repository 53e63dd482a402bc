"""What is known of a person beside behaviour: the newest word on each attribute wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.state import TRAITS_KEPT, Trait, UserState

CONTEXT_TRAITS = ("country", "city", "device", "locale", "time_zone")
_LONGEST = 128


def learn(state: UserState, traits: Mapping[str, Any], at_us: int) -> None:
    """Take attributes said at `at_us`; what is no text, number or truth value is passed over."""
    for name, value in traits.items():
        if isinstance(value, str | int | float) and (not isinstance(value, str) or len(value) <= _LONGEST):
            put(state, name, value, at_us)


def put(state: UserState, name: str, value: Trait, at_us: int) -> None:
    """Let a value stand if it is newer; at equal times the greater text wins, whatever came first."""
    known = state.traits.get(name)
    if known is None:
        if len(state.traits) < TRAITS_KEPT or name in CONTEXT_TRAITS:
            state.traits[name] = (value, at_us)
    elif (known[1], str(known[0])) < (at_us, str(value)):
        state.traits[name] = (value, at_us)
