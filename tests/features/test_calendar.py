"""Daylight-saving changes, leap days and time zones alter nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from contracts.event import Context, Event, EventType
from features.evaluate import evaluate
from features.fold import fold
from features.state import UserState, encode_state, new_state
from tests.features.oracle import micros

PARIS = ZoneInfo("Europe/Paris")
# Around the hour that is not, the hour that is twice, and the 29th of February.
CHANGES = [datetime(2028, 3, 26, tzinfo=UTC), datetime(2028, 10, 29, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)]


def visits(begin: datetime, zone: ZoneInfo | None) -> UserState:
    state = new_state()
    for number in range(60):
        at = begin - timedelta(hours=12) + number * timedelta(minutes=36)
        local = at if zone is None else at.astimezone(zone)
        fold(state, Event(message_id=str(number), user_id="u", type=EventType.ITEM_VIEW, timestamp=local, item_id="a"))
    return state


@pytest.mark.parametrize("begin", CHANGES)
def test_the_same_instants_written_in_a_local_zone_give_the_same_bytes(begin: datetime) -> None:
    assert encode_state(visits(begin, PARIS)) == encode_state(visits(begin, None))


@pytest.mark.parametrize("begin", CHANGES)
def test_a_day_is_twenty_four_hours_and_a_month_thirty_days(begin: datetime) -> None:
    state = visits(begin, None)
    last = state.event_us
    counts = [evaluate(state, last + hours * 3_600_000_000)["item_view_24h"] for hours in range(40)]
    # 60 views 36 minutes apart: five in each three hours, gone a day later in the order of their coming.
    assert (counts[0], counts[24], counts[39]) == (40, 0, 0)
    assert counts == sorted(counts, reverse=True)
    assert evaluate(state, last + 28 * 86_400_000_000)["item_view_30d"] > 0
    assert evaluate(state, last + 31 * 86_400_000_000)["item_view_30d"] == 0


def test_the_hours_of_the_day_are_those_of_utc_whatever_the_visitors_zone() -> None:
    states = []
    for zone in ("Europe/Paris", "Pacific/Auckland"):
        state = new_state()
        for number, day in enumerate(("2028-03-25", "2028-03-27")):
            at = datetime.fromisoformat(f"{day}T20:10:00+00:00")
            context = Context(time_zone=zone)
            fold(state, Event(message_id=str(number), user_id="u", type=EventType.CLICK, timestamp=at, context=context))
        states.append(state)
    hours = [evaluate(state, state.event_us)["hours"] for state in states]
    assert hours[0] == hours[1]
    assert [hour for hour, share in enumerate(hours[0]) if share] == [20]
    evening = states[0].event_us + 86_400_000_000
    assert evaluate(states[0], evening)["hour_affinity"] == 1.0
    assert evaluate(states[0], evening + 3_600_000_000)["hour_affinity"] == 0.0


def test_a_state_of_another_schema_is_named_in_the_refusal() -> None:
    from features.state import decode_state

    old = msgspec.msgpack.encode([1, 12, micros(CHANGES[0]), 0, 0, True, 0, {}, [{}, {}, {}], ["a"]])
    with pytest.raises(ValueError, match="expected a UserState of schema 2, came schema 1"):
        decode_state(old)
