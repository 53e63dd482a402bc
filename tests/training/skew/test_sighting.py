"""What an answer saw, from rows alone."""

from __future__ import annotations

from training.skew.sighting import History, Seen, Sighting, sight

S = 1_000_000
STALE_US = 60 * S
# Rows of second 10, 20 and 30, each in the lake five seconds later.
KNOWN = History((10 * S, 20 * S, 30 * S), (15 * S, 25 * S, 35 * S))


def seen(history: History, row_s: int, at_s: int) -> Sighting:
    return sight(history, row_s * S, at_s * S, stale_us=STALE_US)


def test_newest_row_at_that_instant() -> None:
    assert seen(KNOWN, 20, 29) == Sighting(Seen.NEWEST)
    assert seen(KNOWN, 30, 30) == Sighting(Seen.NEWEST)


def test_nothing_known_on_either_side() -> None:
    assert seen(KNOWN, 0, 9) == Sighting(Seen.NEWEST)
    assert seen(History(), 0, 9) == Sighting(Seen.NEWEST)


def test_rows_under_way_are_late_by_the_oldest_of_them() -> None:
    assert seen(KNOWN, 10, 32) == Sighting(Seen.LATE, 12.0)
    assert seen(KNOWN, 0, 32) == Sighting(Seen.LATE, 22.0)


def test_a_row_that_the_lake_had_long_before_was_not_late() -> None:
    # The row of second 20 was in the lake at 25: a minute later it must be online.
    assert seen(KNOWN, 10, 85) == Sighting(Seen.LATE, 65.0)
    assert seen(KNOWN, 10, 86) == Sighting(Seen.STALE, 66.0)
    # A backfill writes old rows late: created, not row time, tells when they could be known.
    assert seen(History((10 * S, 20 * S), (15 * S, 500 * S)), 10, 450).seen is Seen.LATE


def test_an_event_dated_after_the_answer() -> None:
    assert seen(KNOWN, 30, 28) == Sighting(Seen.AHEAD)


def test_a_row_that_history_does_not_have() -> None:
    assert seen(KNOWN, 25, 29) == Sighting(Seen.LOST)
    assert seen(History(), 25, 29) == Sighting(Seen.GONE)
    # Erased, and back since: what is left is younger than what was served.
    assert seen(KNOWN, 5, 9) == Sighting(Seen.GONE)
    # History made anew hours later, of rows that fell otherwise.
    remade = History((10 * S, 20 * S), (9000 * S, 9000 * S))
    assert seen(remade, 25, 29) == Sighting(Seen.REMADE)
