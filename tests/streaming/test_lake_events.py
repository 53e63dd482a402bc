"""Events come back from the lake's rows as they went in, dealt by person in the order of their arrival."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from contracts.event import Consent, Context, Event, EventType
from contracts.lake import NO_OFFSET
from streaming.groups import group_profiles
from streaming.lake_events import decode_rows
from streaming.lake_rows import Placed, event_rows
from streaming.shuffle import read_bucket
from tests.streaming.support import START, make_events


def _full_event() -> Event:
    """An event with every field set to something that is not its default."""
    context: dict[str, Any] = {
        name: True if "bool" in str(kind) else f"some {name}" for name, kind in Context.__annotations__.items()
    }
    return Event(
        message_id="m",
        anonymous_id="a",
        user_id="u",
        previous_id="p",
        session_id="s",
        type=EventType.ALIAS,
        timestamp=START + timedelta(microseconds=7),
        sent_at=START - timedelta(days=400, microseconds=1),
        received_at=START + timedelta(seconds=3),
        item_id="i",
        quantity=3,
        price=0.1,
        position=4,
        recommendation_id="r",
        page_url="/p",
        referrer="/r",
        context=Context(**context),
        properties={"nested": {"list": [1, 2.5, None, "é"]}, "category": "c"},
        consent=Consent(measurement=False, personalization=False, training=False),
    )


def test_an_event_with_every_field_and_one_with_hardly_any_come_back_equal() -> None:
    events = [_full_event(), *make_events(50, visitors=5, seed=91)]
    events.append(Event(message_id="bare", user_id="u", type=EventType.CLICK, timestamp=START))
    back = decode_rows(event_rows([Placed(0, number, event) for number, event in enumerate(events)]))
    assert back == events


def test_rows_of_a_lake_older_than_a_column_are_read() -> None:
    events = make_events(5, visitors=2, seed=92)
    rows = event_rows([Placed(0, number, event) for number, event in enumerate(events)])
    assert decode_rows(rows.drop_columns(["previous_id", "network"])) == events


def test_links_that_meet_make_one_group_whatever_their_order() -> None:
    links = [("a", "b"), ("c", "d"), ("e", "f"), ("d", "b"), ("g", "e"), ("b", "a")]
    for seed in range(5):
        random.Random(seed).shuffle(links)
        groups = group_profiles(links)
        assert [sorted(name for name in groups if groups[name] == groups[one]) for one in "ae"] == [
            ["a", "b", "c", "d"],
            ["e", "f", "g"],
        ]


def test_a_bucket_is_read_person_by_person_never_against_a_partitions_offsets(tmp_path: Path) -> None:
    def event(name: str, who: str, received_s: float) -> Event:
        return Event(
            message_id=name,
            anonymous_id=who,
            type=EventType.CLICK,
            timestamp=START,
            received_at=START + timedelta(seconds=received_s),
        )

    placed = [
        Placed(1, 7, event("third", "ann", 1)),  # by its clock before its predecessor in the log
        Placed(2, 4, event("other", "eve", 2)),
        Placed(1, 6, event("second", "ann", 5)),
        Placed(2, 3, event("first", "bob", 4)),
        Placed(2, 9, event("fourth", "bob", 6)),
        Placed(NO_OFFSET, NO_OFFSET, event("filled", "bob", 99)),
    ]
    rows = event_rows(placed)
    with pa.ipc.new_file(tmp_path / "bucket.arrow", rows.schema) as writer:
        writer.write_table(rows)
    dealt = read_bucket(tmp_path / "bucket.arrow", {"ann": "ann", "bob": "ann"})
    people = [[event.message_id for event in dealt.events[begin:end]] for begin, end in dealt.spans]
    assert sorted(people) == [["filled", "first", "second", "third", "fourth"], ["other"]]
    assert dealt.offsets[dealt.spans[0][0] : dealt.spans[0][1]] in ([NO_OFFSET, 3, 6, 7, 9], [4])
