"""MovieLens: the million in the preparation that the sequential papers use, and the hundred thousand."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np

from bench.quality.archives import member
from bench.quality.interactions import Floats, Interactions, Ints

_RATINGS = 5
_YEARS_A_BAND = 4
_FIRST_YEAR = 1920


def ml_1m(folder: Path) -> Interactions:
    """`ml-1m.txt`: 6,040 users, 3,416 items, their order without times; ratings, genres and people from the source.

    An action is the rating, 0 for one star to 4 for five.
    """
    order = np.loadtxt(StringIO(member(folder, "ml-1m-sasrec", "ml-1m.txt")), np.int64)
    items = _mapping(member(folder, "ml-1m-sasrec", "sas_to_original_items.txt"))
    people = _mapping(member(folder, "ml-1m-sasrec", "sas_to_original_users.txt"))
    ratings = {
        (int(user), int(movie)): int(rating)
        for user, movie, rating in list(csv.reader(StringIO(member(folder, "ml-1m", "ratings_no_timestamp.csv"))))[1:]
    }
    films = _records(member(folder, "ml-1m", "movies.dat", encoding="latin-1"))
    described = [films[items[code]] for code in sorted(items)]
    persons = _records(member(folder, "ml-1m", "users.dat", encoding="latin-1"))
    known = [persons[people[code]][:3] for code in sorted(people)]
    return Interactions(
        name="ml-1m",
        users=(order[:, 0] - 1).astype(np.int32),
        items=(order[:, 1] - 1).astype(np.int32),
        actions=np.array([ratings[people[user], items[item]] - 1 for user, item in order.tolist()], np.int32),
        at_s=None,
        content=_content([(genres.split("|"), int(title[-5:-1])) for title, genres in described]),
        attributes=_codes(known),
        contexts=np.zeros((len(order), 0), np.int32),
        action_kinds=_RATINGS,
    )


def ml_1m_ids(folder: Path) -> Interactions:
    """`ml-1m.txt` as the published models read it: ids and their order alone."""
    return ids_alone(ml_1m(folder), name="ml-1m-ids")


def ids_alone(data: Interactions, *, name: str) -> Interactions:
    """The same events, of which nothing is known but who, what and in which order."""
    return replace(
        data,
        name=name,
        actions=np.zeros_like(data.actions),
        action_kinds=1,
        content=np.zeros((data.item_count, 1), np.float32),
        attributes=np.zeros((data.user_count, 1), np.int32),
    )


def ml_100k(folder: Path) -> Interactions:
    """RecBole's atomic files: 943 users, 1,682 items with times; an action is the rating."""
    events = _table(member(folder, "ml-100k", "ml-100k.inter"))
    films = {int(row[0]): row for row in _table(member(folder, "ml-100k", "ml-100k.item"))}
    people = {int(row[0]): row for row in _table(member(folder, "ml-100k", "ml-100k.user"))}
    item_codes = {item: code for code, item in enumerate(sorted(films))}
    user_codes = {user: code for code, user in enumerate(sorted(people))}
    rows = sorted((user_codes[int(row[0])], int(float(row[3])), item_codes[int(row[1])], row[2]) for row in events)
    return Interactions(
        name="ml-100k",
        users=np.array([row[0] for row in rows], np.int32),
        items=np.array([row[2] for row in rows], np.int32),
        actions=np.array([int(float(row[3])) - 1 for row in rows], np.int32),
        at_s=np.array([row[1] for row in rows], np.int64),
        content=_content([(films[item][3].split(), _year(films[item][2])) for item in sorted(films)]),
        attributes=_codes([_person(people[user]) for user in sorted(people)]),
        contexts=np.zeros((len(rows), 0), np.int32),
        action_kinds=_RATINGS,
    )


def _mapping(text: str) -> dict[int, int]:
    return {int(code): int(original) for code, original in (line.split() for line in text.splitlines())}


def _records(text: str) -> dict[int, list[str]]:
    return {int(number): rest for number, *rest in (line.split("::") for line in text.splitlines())}


def _table(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()[1:]]


def _year(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _person(row: Sequence[str]) -> list[str]:
    return [row[2], str(int(row[1]) // 10), row[3]]


def _content(described: Sequence[tuple[Iterable[str], int]]) -> Floats:
    """[items, genres + bands of years]: a one for each genre, and for the band; year 0 is in none."""
    genres = {genre: place for place, genre in enumerate(sorted({one for named, _ in described for one in named}))}
    last = max(year for _, year in described)
    content = np.zeros((len(described), len(genres) + (last - _FIRST_YEAR) // _YEARS_A_BAND + 1), np.float32)
    for item, (named, year) in enumerate(described):
        content[item, [genres[genre] for genre in named]] = 1.0
        if year:
            content[item, len(genres) + max(0, year - _FIRST_YEAR) // _YEARS_A_BAND] = 1.0
    return content


def _codes(rows: Sequence[Sequence[str]]) -> Ints:
    """[rows, columns] int32: each column's values by their place among its sorted ones."""
    columns = []
    for values in zip(*rows, strict=True):
        places: Mapping[str, int] = {value: place for place, value in enumerate(sorted(set(values)))}
        columns.append([places[value] for value in values])
    return np.array(columns, np.int32).T.copy()
