"""Answers and actions out of a real lake, and the lists that come of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.event import Consent, Context, Event, EventType
from contracts.item import Item
from contracts.lake import EVENTS, SERVED, USER_BEHAVIOR, open_table
from contracts.recommend import Served
from contracts.settings import Settings
from contracts.snapshot import Snapshot
from features.evaluate import evaluate
from features.instant import SECOND_US, from_us
from features.ranking_input import COLUMNS
from features.ranking_items import ItemStatistics, ItemTable
from features.state import encode_state, new_state
from features.tower_input import TowerInput, Vocabulary
from streaming.lake_rows import Placed, behavior_rows, event_rows, served_rows
from training.ranking.impressions import Action, Answer, read_actions, read_answers
from training.ranking.lists import Lists
from training.ranking.logged import logged_lists, unbiased

AT_US = 1_790_000_000 * SECOND_US
ITEMS = [Item(f"i{n}", f"Cup {n}", 1.0 + n, "kitchen") for n in range(12)]


def served(number: int, *, profile: str | None = "p", source: str = "model", after_s: int = 0) -> Served:
    return Served(
        recommendation_id=f"r{number}",
        profile_id=profile,
        served_at=from_us(AT_US + after_s * SECOND_US),
        items=["i2", "i1"],
        scores=[2.0, 1.0],
        source=source,
        model_version="1",
        variant="default",
        state_version=1,
        degraded=[],
        features={},
        timings_ms={},
    )


def event(number: int, kind: EventType, **changes: Any) -> Event:
    consent = Consent(measurement=True, personalization=True, training=changes.pop("training", True))
    return Event(
        message_id=f"m{number}",
        anonymous_id="p",
        type=kind,
        timestamp=from_us(AT_US + (10 + number) * SECOND_US),
        item_id=changes.pop("item_id", "i1"),
        consent=consent,
        **changes,
    )


def written(settings: Settings, table: str, rows: Any) -> None:
    open_table(settings, table).append(rows)


@pytest.fixture
def lake(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    bot = new_state()
    bot.version, bot.bot, bot.training = 3, 1, False
    snapshot = Snapshot(
        profile_id="robot",
        partition=0,
        offset=1,
        event_us=AT_US,
        row_us=AT_US,
        version=3,
        training=False,
        state=encode_state(bot),
    )
    written(settings, USER_BEHAVIOR, behavior_rows([snapshot]))
    answers = [
        served(1, after_s=5),
        served(0),
        served(2, profile=None),
        served(3, source="popular"),
        served(4, profile="robot"),
        served(5, after_s=100),
        served(6, after_s=-1),
    ]
    written(settings, SERVED, served_rows([Placed(0, offset, one) for offset, one in enumerate(answers)]))
    events = [
        event(0, EventType.CLICK, recommendation_id="r1"),
        event(1, EventType.PURCHASE, quantity=1, price=2.0),
        event(2, EventType.CLICK, training=False),
        event(3, EventType.CLICK, item_id=None),
        event(4, EventType.ITEM_VIEW),
        event(5, EventType.CLICK, context=Context(bot=True)),
        event(95, EventType.CLICK),
    ]
    written(settings, EVENTS, event_rows([Placed(0, offset, one) for offset, one in enumerate(events)]))
    return settings


def test_reads_answers_of_models_to_people_in_time_order(lake: Settings) -> None:
    assert read_answers(lake, AT_US, AT_US + 100 * SECOND_US) == [
        Answer("r0", "p", AT_US, ("i2", "i1")),
        Answer("r1", "p", AT_US + 5 * SECOND_US, ("i2", "i1")),
    ]


def test_reads_actions_of_people_who_allow_training(lake: Settings) -> None:
    assert read_actions(lake, AT_US, AT_US + 100 * SECOND_US) == [
        Action("p", AT_US + 10 * SECOND_US, "i1", "click", "r1"),
        Action("p", AT_US + 11 * SECOND_US, "i1", "purchase", ""),
    ]


def statistics() -> ItemStatistics:
    count = len(ITEMS)
    return ItemStatistics(
        sold=np.zeros((count, 3), np.float32),
        discovered=np.zeros((count, 3), np.float32),
        on_sale_days=np.zeros(count, np.float32),
        neighbours=np.zeros((count, 1), np.int32),
        similarity=np.zeros((count, 1), np.float32),
    )


def retrieve(batch: TowerInput) -> Any:
    """Item n scores -n, whoever asks."""
    return np.tile(-np.arange(len(ITEMS), dtype=np.float32), (len(batch.items), 1))


def test_shown_items_stand_among_the_candidates_with_their_gains_and_places() -> None:
    values = evaluate(new_state(), 0) | {"bought_items": ["i0"], "cart_items": ["i3"]}
    known = np.ones(len(ITEMS), np.bool_)
    known[4] = False
    # i9 is beyond retrieval's five, and `gone` is no item of this catalogue any more.
    answer = Answer("r", "p", 0, ("i9", "gone", "i1"))
    lists, places = logged_lists(
        [answer],
        [(3.0, 0.0, 1.0)],
        [values],
        retrieve=retrieve,
        vocabulary=Vocabulary(tuple(item.item_id for item in ITEMS), ()),
        table=ItemTable(ITEMS, statistics()),
        known=known,
        depth=5,
    )
    # Best first and without what was bought, in the cart or unknown: items 1, 2, 5, 6, 9.
    assert lists.shown.tolist() == [[True, False, False, False, True]]
    assert lists.gains.tolist() == [[1.0, 0.0, 0.0, 0.0, 3.0]]
    assert places.tolist() == [[2, 0, 0, 0, 0]]
    assert lists.users.tolist() == ["p"]


def test_a_choice_far_down_counts_for_more() -> None:
    random = np.random.default_rng(1)
    count, depth = 4000, 4
    looked = np.array([1.0, 0.6, 0.4, 0.25])
    gains = (random.random((count, depth)) < 0.5 * looked).astype(np.float32)
    lists = Lists(
        random.normal(size=(count, depth, len(COLUMNS))).astype(np.float32),
        gains,
        np.ones((count, depth), np.bool_),
        np.array([f"u{number}" for number in range(count)]),
    )
    places = np.tile(np.arange(depth), (count, 1))
    came = unbiased(lists, places, clip=3.0)

    weights = [came.gains[:, place].max() for place in range(depth)]
    assert weights == pytest.approx([1.0, 1 / 0.6, 1 / 0.4, 3.0], rel=0.1)
    assert came.gains[:, 3].max() == 3.0
    # Every place is liked alike, and now it shows.
    assert came.gains.mean(axis=0)[:3] == pytest.approx([0.5] * 3, abs=0.05)
