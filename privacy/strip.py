"""Personal details taken out of what an event carries besides its own fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from privacy.keys import is_personal, is_personal_trait
from privacy.text import clean_text

MAX_DEPTH = 12
# A shorter identifier occurs by chance in prices, counts and codes.
MIN_REPLACED_CHARACTERS = 6


class TooDeep(ValueError):
    """Nesting beyond `MAX_DEPTH`."""


def strip_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties without personal fields, their text cleaned, at every depth.

    Raises TooDeep beyond `MAX_DEPTH` levels.
    """
    return _strip_object(properties, is_personal, 1)


def strip_traits(traits: dict[str, Any]) -> dict[str, Any]:
    """A person's traits without what tells who or where they are. Raises TooDeep."""
    return _strip_object(traits, is_personal_trait, 1)


def strip_value(value: Any) -> Any:
    """Any decoded JSON value, cleaned. Raises TooDeep."""
    return _strip(value, is_personal, 0)


def replace_identifiers(value: Any, pseudonyms: dict[str, str]) -> Any:
    """The value with each raw identifier, alone or inside a longer text, replaced by its pseudonym.

    Identifiers shorter than `MIN_REPLACED_CHARACTERS` are left to their own fields.
    """
    if isinstance(value, str):
        for raw, pseudonym in pseudonyms.items():
            if len(raw) >= MIN_REPLACED_CHARACTERS:
                value = value.replace(raw, pseudonym)
        return value
    if isinstance(value, dict):
        return {
            replace_identifiers(name, pseudonyms): replace_identifiers(part, pseudonyms) for name, part in value.items()
        }
    if isinstance(value, list):
        return [replace_identifiers(part, pseudonyms) for part in value]
    return value


def _strip_object(source: dict[str, Any], personal: Callable[[str], bool], depth: int) -> dict[str, Any]:
    stripped = {}
    for name, value in source.items():
        if personal(name):
            continue
        if type(value) is str:
            stripped[name] = clean_text(value)
        elif type(value) is dict or type(value) is list:
            stripped[name] = _strip(value, personal, depth)
        else:
            stripped[name] = value
    return stripped


def _strip(value: Any, personal: Callable[[str], bool], depth: int) -> Any:
    if type(value) is str:
        return clean_text(value)
    if type(value) is not dict and type(value) is not list:
        return value
    if depth >= MAX_DEPTH:
        raise TooDeep(f"expected at most {MAX_DEPTH} levels of nesting, came more")
    if type(value) is dict:
        return _strip_object(value, personal, depth + 1)
    return [_strip(part, personal, depth + 1) for part in value]
