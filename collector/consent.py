"""What the visitor allowed, from our own field or from Segment's consent context."""

from __future__ import annotations

from typing import Any

from collector.refusal import Reason, Refused, kind_of
from contracts.event import Consent

PURPOSES = ("measurement", "personalization", "training")

# Segment's category names are the shop's own; these are the ones that consent managers ship with.
CATEGORIES: dict[str, str] = {
    "measurement": "measurement",
    "analytics": "measurement",
    "performance": "measurement",
    "statistics": "measurement",
    "personalization": "personalization",
    "personalisation": "personalization",
    "functional": "personalization",
    "preferences": "personalization",
    "advertising": "personalization",
    "marketing": "personalization",
    "targeting": "personalization",
    "training": "training",
    "datasharing": "training",
}

_ALL = Consent()


def read_consent(own: Any, context: Any) -> Consent:
    """The event's consent; where several sources speak of a purpose, all must allow it.

    `own` is our field `{"measurement": true, …}`, `context` Segment's event context, whose
    `consent.categoryPreferences` names categories. Categories that the table does not know
    say nothing; a purpose that nobody speaks of is allowed. Raises Refused.
    """
    preferences = _preferences(context)
    if own is None and not preferences:
        return _ALL
    allowed = dict.fromkeys(PURPOSES, True)
    if own is not None:
        if type(own) is not dict:
            raise Refused(Reason.INVALID_CONSENT, f"expected consent to be an object, came {kind_of(own)}")
        for purpose, value in own.items():
            if purpose not in allowed:
                raise Refused(
                    Reason.INVALID_CONSENT, f"expected consent for {', '.join(PURPOSES)}; came {purpose[:40]!r}"
                )
            allowed[purpose] = _flag(f"consent.{purpose}", value)
    for category, value in preferences.items():
        known = CATEGORIES.get(category.lower().replace(" ", "").replace("_", ""))
        if known is not None:
            name = f"context.consent.categoryPreferences.{category}"
            allowed[known] = _flag(name, value) and allowed[known]
    return Consent(**allowed)


def _preferences(context: Any) -> dict[str, Any]:
    if type(context) is not dict:
        return {}
    consent = context.get("consent")
    if consent is None:
        return {}
    preferences = consent.get("categoryPreferences") if type(consent) is dict else consent
    if preferences is None:
        return {}
    if type(preferences) is not dict:
        raise Refused(
            Reason.INVALID_CONSENT,
            f"expected context.consent.categoryPreferences to be an object, came {kind_of(preferences)}",
        )
    return preferences


def _flag(name: str, value: Any) -> bool:
    if type(value) is not bool:
        raise Refused(Reason.INVALID_CONSENT, f"expected {name} to be true or false, came {kind_of(value)}")
    return value
