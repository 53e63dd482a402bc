"""Deskdrop: a year of an internal news site. What is stored is who read, liked, kept or answered what, and when."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import numpy as np

from bench.quality.archives import member
from bench.quality.interactions import Interactions

# The weakest first: of a user's repeated actions on one article within the same hour, the strongest stays.
KINDS = ("VIEW", "LIKE", "BOOKMARK", "FOLLOW", "COMMENT CREATED")
_DEVICES = ("Android", "iPhone", "iPad", "Macintosh", "Windows", "Linux")
_HOUR_S = 3600


def deskdrop(folder: Path) -> Interactions:
    """One event a user, article and hour; items and users of every event, no content.

    Attributes: country and region of the user's first event. Contexts: hour of day and day of the week
    in UTC, device.
    """
    rows = list(csv.DictReader(StringIO(member(folder, "deskdrop", "users_interactions.csv"))))
    user_codes = {user: code for code, user in enumerate(sorted({row["personId"] for row in rows}))}
    item_codes = {item: code for code, item in enumerate(sorted({row["contentId"] for row in rows}))}
    kinds = {kind: code for code, kind in enumerate(KINDS)}
    events: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    countries: dict[int, str] = {}
    regions: dict[int, str] = {}
    for row in sorted(rows, key=lambda one: int(one["timestamp"])):
        at_s, user = int(row["timestamp"]), user_codes[row["personId"]]
        countries.setdefault(user, row["userCountry"])
        regions.setdefault(user, f"{row['userCountry']} {row['userRegion']}")
        key = (user, item_codes[row["contentId"]], at_s // _HOUR_S)
        first_s, strongest, device = events.get(key, (at_s, 0, _device(row["userAgent"])))
        events[key] = (first_s, max(strongest, kinds[row["eventType"]]), device)
    ordered = sorted((user, at_s, item, kind, device) for (user, item, _), (at_s, kind, device) in events.items())
    return Interactions(
        name="deskdrop",
        users=np.array([row[0] for row in ordered], np.int32),
        items=np.array([row[2] for row in ordered], np.int32),
        actions=np.array([row[3] for row in ordered], np.int32),
        at_s=np.array([row[1] for row in ordered], np.int64),
        content=np.zeros((len(item_codes), 0), np.float32),
        attributes=np.stack((_places(countries), _places(regions)), axis=1),
        contexts=np.array([(*_hour_and_day(row[1]), row[4]) for row in ordered], np.int32),
        action_kinds=len(KINDS),
    )


def _device(agent: str) -> int:
    """Code from 1 of the first device named, the one beyond them for others, 0 for none."""
    if not agent:
        return 0
    return next((code for code, name in enumerate(_DEVICES, 1) if name in agent), len(_DEVICES) + 1)


def _hour_and_day(at_s: int) -> tuple[int, int]:
    instant = datetime.fromtimestamp(at_s, UTC)
    return 1 + instant.hour, 1 + instant.weekday()


def _places(values: Mapping[int, str]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """[users] int32: the place of each one's value among the sorted ones."""
    names = {name: code for code, name in enumerate(sorted(set(values.values())))}
    return np.array([names[values[user]] for user in range(len(values))], np.int32)
