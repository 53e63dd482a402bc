"""What was shown, joined with what the same visitor did with it soon after."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from contracts.event import EventType
from contracts.lake import EVENTS, SERVED, open_table
from contracts.settings import Settings
from training.labels import read_bots

# What an action on a shown item is worth, in clicks; any other is worth nothing.
GAINS: Mapping[str, float] = {
    EventType.CLICK.value: 1.0,
    EventType.ADD_TO_CART.value: 3.0,
    EventType.PURCHASE.value: 5.0,
}


@dataclass(frozen=True)
class Answer:
    """Items as they were shown to a profile, the first place first."""

    recommendation_id: str
    profile_id: str
    at_us: int
    items: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """Something done with an item; `recommendation_id` is empty where the event names none."""

    profile_id: str
    at_us: int
    item_id: str
    kind: str
    recommendation_id: str = ""


def join(answers: Sequence[Answer], actions: Iterable[Action], *, window_us: int) -> list[tuple[float, ...]]:
    """Gains of each answer's items, aligned with `answers`: the worthiest action within the window, 0 where none.

    The window is open where the answer was given and closed `window_us` later. An action counts for one answer to the
    same profile that showed the item: the one it names, if that is within the window, else the newest.
    """
    gains = [[0.0] * len(answer.items) for answer in answers]
    shown: defaultdict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for number, answer in enumerate(answers):
        for place, item in enumerate(answer.items):
            shown[answer.profile_id, item].append((answer.at_us, number, place))
    for showings in shown.values():
        showings.sort()
    for action in actions:
        worth = GAINS.get(action.kind, 0.0)
        showings = shown.get((action.profile_id, action.item_id), [])
        begin = bisect_left(showings, (action.at_us - window_us,))
        end = bisect_left(showings, (action.at_us,))
        found = showings[begin:end]
        if not found or not worth:
            continue
        named = [one for one in found if answers[one[1]].recommendation_id == action.recommendation_id]
        _, number, place = (named or found)[-1]
        gains[number][place] = max(gains[number][place], worth)
    return [tuple(row) for row in gains]


def read_answers(settings: Settings, begin_us: int, end_us: int) -> list[Answer]:
    """Models' answers to profiles that are no bots, from `begin_us` up to before `end_us`, in time order."""
    rows = (
        open_table(settings, SERVED)
        .scan(
            row_filter="source == 'model' and profile_id is not null",
            selected_fields=("recommendation_id", "profile_id", "served_at", "items"),
        )
        .to_arrow()
    )
    rows = _within(_without_bots(rows, read_bots(settings)), "served_at", begin_us, end_us)
    columns = (rows["recommendation_id"], rows["profile_id"], _us(rows, "served_at"), rows["items"])
    lines = zip(*(column.to_pylist() for column in columns), strict=True)
    answers = [Answer(name, profile, at_us, tuple(items)) for name, profile, at_us, items in lines]
    return sorted(answers, key=lambda answer: (answer.at_us, answer.recommendation_id))


def read_actions(settings: Settings, begin_us: int, end_us: int) -> list[Action]:
    """What visitors who allow training did with items, from `begin_us` up to before `end_us`."""
    kinds = " or ".join(f"type == '{kind}'" for kind in GAINS)
    rows = (
        open_table(settings, EVENTS)
        .scan(
            row_filter=f"({kinds}) and consent_training == true and item_id is not null",
            selected_fields=("profile_id", "timestamp", "item_id", "type", "recommendation_id", "bot"),
        )
        .to_arrow()
    )
    rows = _within(rows.filter(pc.invert(pc.fill_null(rows["bot"], False))), "timestamp", begin_us, end_us)
    columns = (rows["profile_id"], _us(rows, "timestamp"), rows["item_id"], rows["type"], rows["recommendation_id"])
    lines = zip(*(column.to_pylist() for column in columns), strict=True)
    return [Action(profile, at_us, item, kind, named or "") for profile, at_us, item, kind, named in lines]


def _without_bots(rows: pa.Table, bots: frozenset[str]) -> pa.Table:
    if not bots:
        return rows
    return rows.filter(pc.invert(pc.is_in(rows["profile_id"], pa.array(sorted(bots), pa.string()))))


def _within(rows: pa.Table, column: str, begin_us: int, end_us: int) -> pa.Table:
    at_us = _us(rows, column)
    return rows.filter(pc.and_(pc.greater_equal(at_us, begin_us), pc.less(at_us, end_us)))


def _us(rows: pa.Table, column: str) -> pa.ChunkedArray:
    return rows[column].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
