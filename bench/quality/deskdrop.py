"""Deskdrop: a year of an internal news site. What is stored is who read, liked, kept or answered what, and when."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import numpy as np

from bench.quality.archives import member
from bench.quality.interactions import Interactions

# The weakest first: of a user's repeated actions on one article within the same hour, the strongest stays.
KINDS = ("VIEW", "LIKE", "BOOKMARK", "FOLLOW", "COMMENT CREATED")
_HOUR_S = 3600


def deskdrop(folder: Path) -> Interactions:
    """One event a user, article and hour; items and users of every event, no content, the country as attribute."""
    rows = list(csv.DictReader(StringIO(member(folder, "deskdrop", "users_interactions.csv"))))
    user_codes = {user: code for code, user in enumerate(sorted({row["personId"] for row in rows}))}
    item_codes = {item: code for code, item in enumerate(sorted({row["contentId"] for row in rows}))}
    kinds = {kind: code for code, kind in enumerate(KINDS)}
    events: dict[tuple[int, int, int], tuple[int, int]] = {}
    countries: dict[int, str] = {}
    for row in sorted(rows, key=lambda one: int(one["timestamp"])):
        at_s, user = int(row["timestamp"]), user_codes[row["personId"]]
        countries.setdefault(user, row["userCountry"])
        key = (user, item_codes[row["contentId"]], at_s // _HOUR_S)
        first_s, strongest = events.get(key, (at_s, 0))
        events[key] = (first_s, max(strongest, kinds[row["eventType"]]))
    ordered = sorted((user, at_s, item, kind) for (user, item, _), (at_s, kind) in events.items())
    names = {name: code for code, name in enumerate(sorted(set(countries.values())))}
    return Interactions(
        name="deskdrop",
        users=np.array([row[0] for row in ordered], np.int32),
        items=np.array([row[2] for row in ordered], np.int32),
        actions=np.array([row[3] for row in ordered], np.int32),
        at_s=np.array([row[1] for row in ordered], np.int64),
        content=np.zeros((len(item_codes), 0), np.float32),
        attributes=np.array([[names[countries[user]]] for user in range(len(user_codes))], np.int32),
        action_kinds=len(KINDS),
    )
