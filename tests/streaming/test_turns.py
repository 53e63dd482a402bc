"""When records of the bulk lane are folded: where the main lane says, whoever looks and however it was fetched."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from streaming.turns import Turns


@dataclass
class Fetched:
    """A consumed record."""

    lane: str
    offset: int
    value: bytes = b""
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def _turn(offset: int, end: int) -> Fetched:
    return Fetched("main", offset, str(end).encode(), [("clickloop-kind", b"turn")])


def _names(records: list[Fetched]) -> list[tuple[str, int]]:
    return [(record.lane, record.offset) for record in records]


def _add_main(turns: Turns, records: Iterable[Any]) -> None:
    for record in records:
        turns.add_main(record)


def _add_bulk(turns: Turns, records: Iterable[Any]) -> None:
    for record in records:
        turns.add_bulk(record)


def test_bulk_waits_until_the_main_lane_gives_it_the_turn() -> None:
    turns = Turns(main=0, bulk=0)
    _add_bulk(turns, [Fetched("bulk", offset) for offset in range(5)])
    _add_main(turns, [Fetched("main", 0), Fetched("main", 1)])
    assert _names(turns.due(5)) == [("main", 0), ("main", 1)]
    assert turns.ask(3) == 3
    _add_main(turns, [Fetched("main", 2), _turn(3, 3), Fetched("main", 4)])
    assert _names(turns.due(5)) == [
        ("main", 2),
        ("bulk", 0), ("bulk", 1), ("bulk", 2),
        ("main", 3), ("main", 4),
    ]  # fmt: skip


def test_one_turn_is_asked_for_at_a_time_and_the_next_once_it_came() -> None:
    turns = Turns(main=0, bulk=0)
    assert turns.ask(2) is None
    _add_bulk(turns, [Fetched("bulk", offset) for offset in range(5)])
    assert [turns.ask(2), turns.ask(2)] == [2, None]
    _add_main(turns, [_turn(0, 2)])
    turns.due(5)
    assert turns.ask(2) == 4


def test_a_turn_for_records_not_fetched_yet_holds_the_main_lane_back() -> None:
    turns = Turns(main=7, bulk=0)
    _add_main(turns, [Fetched("main", 7), _turn(8, 2), Fetched("main", 9)])
    _add_bulk(turns, [Fetched("bulk", 0)])
    assert _names(turns.due(1)) == [("main", 7)]
    assert turns.holds
    _add_bulk(turns, [Fetched("bulk", 1), Fetched("bulk", 2)])
    assert _names(turns.due(3)) == [("bulk", 0), ("bulk", 1), ("main", 8), ("main", 9)]


def test_a_turn_for_records_that_kafka_has_let_go_is_over_at_once() -> None:
    turns = Turns(main=0, bulk=0)
    _add_main(turns, [_turn(0, 100), Fetched("main", 1)])
    assert _names(turns.due(100)) == [("main", 0), ("main", 1)]


def test_an_old_turn_and_one_that_says_nothing_move_nothing() -> None:
    turns = Turns(main=0, bulk=10)
    _add_bulk(turns, [Fetched("bulk", offset) for offset in range(8, 12)])
    nonsense = Fetched("main", 1, b"soon", [("clickloop-kind", b"turn")])
    _add_main(turns, [_turn(0, 9), nonsense, Fetched("main", 2)])
    assert _names(turns.due(12)) == [("main", 0), ("main", 1), ("main", 2)]
    assert turns.waiting == 2


def test_order_is_the_same_however_the_lanes_are_fetched() -> None:
    chance = random.Random(3)
    main, given = [], 0
    for offset in range(400):
        given = min(300, given + chance.randrange(6))
        main.append(_turn(offset, given) if chance.random() < 0.3 else Fetched("main", offset))
    bulk = [Fetched("bulk", offset) for offset in range(300)]
    orders = set()
    for _ in range(30):
        turns, found, at, bulk_at = Turns(main=0, bulk=0), [], 0, 0
        while at < len(main) or turns.holds:
            step, bulk_step = chance.randrange(40), chance.randrange(40)
            _add_main(turns, main[at : at + step])
            _add_bulk(turns, bulk[bulk_at : bulk_at + bulk_step])
            at, bulk_at = min(len(main), at + step), min(len(bulk), bulk_at + bulk_step)
            found += turns.due(bulk_at)
        orders.add(tuple(_names(found)))
    assert len(orders) == 1
