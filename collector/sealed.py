"""An event sealed for Kafka: identifiers as pseudonyms, JSON, keyed by profile."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from contracts.event import Event, encode_event
from contracts.lanes import MAIN, lane_of
from privacy.pseudonym import Pseudonymizer
from privacy.strip import MIN_REPLACED_CHARACTERS, replace_identifiers

_REMEMBERED_IDENTIFIERS = 65_536
# Besides an article's id, the contract's other fields are times, numbers and words from closed lists.
_FREE_FIELDS = ("message_id", "session_id", "recommendation_id", "page_url", "referrer", "context", "properties")


class Record(NamedTuple):
    """What goes to a Kafka topic, an event to its `lane`; no value says that what the key names is gone."""

    topic: str
    key: bytes | None
    value: bytes | None
    lane: int = MAIN


class Sealer:
    """Maps identifiers of people, remembering those of late: the same visitor sends many events."""

    def __init__(self, pseudonymizer: Pseudonymizer) -> None:
        self.user = lru_cache(maxsize=_REMEMBERED_IDENTIFIERS)(pseudonymizer.user)
        self.anonymous = lru_cache(maxsize=_REMEMBERED_IDENTIFIERS)(pseudonymizer.anonymous)

    def seal(self, event: Event, topic: str) -> Record:
        """The record of an event whose identifiers are still the caller's; changes the event.

        A raw identifier that also stands elsewhere in the event, in a link say, is replaced
        by its pseudonym there too, unless it is shorter than `MIN_REPLACED_CHARACTERS`.
        """
        pseudonyms: dict[str, str] = {}
        if event.anonymous_id is not None:
            pseudonyms[event.anonymous_id] = event.anonymous_id = self.anonymous(event.anonymous_id)
        if event.user_id is not None:
            pseudonyms[event.user_id] = event.user_id = self.user(event.user_id)
        if event.previous_id is not None:
            pseudonyms[event.previous_id] = event.previous_id = self.user(event.previous_id)
        value = encode_event(event)
        for raw in pseudonyms:
            if len(raw) >= MIN_REPLACED_CHARACTERS and msgspec.json.encode(raw)[1:-1] in value:
                value = _replaced(value, pseudonyms)
                break
        return Record(topic, event.profile_id.encode(), value, lane_of(event.type))


def _replaced(value: bytes, pseudonyms: dict[str, str]) -> bytes:
    event: dict[str, Any] = msgspec.json.decode(value)
    for field in _FREE_FIELDS:
        if field in event:
            event[field] = replace_identifiers(event[field], pseudonyms)
    return msgspec.json.encode(event)
