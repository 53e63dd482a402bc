"""The year of purchases moves so that it ends yesterday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.settings import Settings
from streaming.history import purchases_path, read_purchases

SETTINGS = Settings()


def shifted_purchases(now: datetime) -> pa.Table:
    return read_purchases(SETTINGS, now)


def test_last_purchase_falls_on_the_last_full_day() -> None:
    now = datetime(2027, 3, 5, 0, 30, tzinfo=UTC)
    last = shifted_purchases(now)["timestamp"].to_pylist()[-1]
    assert last.date().isoformat() == "2027-03-04"


def test_day_is_told_in_utc_whatever_zone_now_is_in() -> None:
    now = datetime(2027, 3, 5, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    last = shifted_purchases(now)["timestamp"].to_pylist()[-1]
    assert last.date().isoformat() == "2027-03-03"


def test_shift_is_whole_days_and_keeps_everything_else() -> None:
    original = pq.read_table(purchases_path(SETTINGS))
    moved = shifted_purchases(datetime(2027, 3, 5, tzinfo=UTC))
    shifts = {b - a for a, b in zip(original["timestamp"].to_pylist(), moved["timestamp"].to_pylist(), strict=True)}
    (shift,) = shifts
    assert shift == timedelta(days=shift.days)
    assert moved.drop_columns(["timestamp", "category"]).equals(original.drop_columns(["timestamp"]))
    assert moved.drop_columns(["category"]).schema == original.schema


def test_every_purchase_has_its_articles_category() -> None:
    moved = shifted_purchases(datetime(2027, 3, 5, tzinfo=UTC))
    assert all(moved["category"].to_pylist())


def test_purchases_stay_in_time_order() -> None:
    stamps = shifted_purchases(datetime(2027, 3, 5, tzinfo=UTC))["timestamp"].to_pylist()
    assert all(earlier <= later for earlier, later in pairwise(stamps))


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="expected aware instants"):
        shifted_purchases(datetime(2027, 3, 5))
