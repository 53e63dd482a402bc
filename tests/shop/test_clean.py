"""The cleaner drops what is no purchase, says so, and writes the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from shop.clean import CATALOGUE_SCHEMA, PURCHASES_SCHEMA, SOURCE_COLUMNS, clean, read_source

Line = tuple[str, str, str | None, int, str, float, float | None, str]

SOLD: list[Line] = [
    ("500001", "10001a", "RED MUG", 6, "2010-06-01 09:00:00", 1.00, 1.0, "United Kingdom"),
    ("500002", "10001A", "RED MUG ", 6, "2010-01-04 09:00:00", 9.00, 2.0, "France"),
    ("500003", "10001A", "damaged", 6, "2010-05-20 09:00:00", 3.00, 3.0, "Unspecified"),
    ("500003", "20002", "WOODEN CLOCK", 1, "2010-05-20 09:00:00", 5.00, 3.0, "Unspecified"),
    ("500004", "20002", "WOODEN CLOCK", 2, "2010-05-21 09:00:00", 7.00, 3.0, "Unspecified"),
    ("500005", "20002", "WOODEN CLOCK", 2, "2010-05-22 09:00:00", 7.00, 3.0, "Unspecified"),
]
REFUSED: list[Line] = [
    ("C500006", "20002", "WOODEN CLOCK", -2, "2010-05-22 10:00:00", 7.00, 3.0, "France"),
    ("A500007", "B", "Adjust bad debt", 1, "2010-05-22 10:00:00", 99.0, None, "France"),
    ("500008", "POST", "POSTAGE", 1, "2010-05-22 10:00:00", 18.0, 3.0, "France"),
    ("500009", "TEST001", "This is a test product.", 5, "2010-05-22 10:00:00", 4.5, 3.0, "France"),
    ("500010", "20002", None, 5, "2010-05-22 10:00:00", 0.0, None, "France"),
    ("500011", "20002", "WOODEN CLOCK", 5, "2010-05-22 10:00:00", 7.0, None, "France"),
    ("500012", "20002", "WOODEN CLOCK", 19152, "2010-05-22 10:00:00", 7.0, 3.0, "France"),
    ("500005", "20002", "WOODEN CLOCK", 2, "2010-05-22 09:00:00", 7.00, 3.0, "Unspecified"),
    ("500013", "30003", "?", 1, "2010-05-22 10:00:00", 7.00, 3.0, "France"),
    ("500013", "40004", "RARE BIRD", 1, "2010-05-22 10:00:00", 7.00, 3.0, "France"),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.parquet"
    pd.DataFrame([*SOLD, *REFUSED], columns=SOURCE_COLUMNS).to_parquet(path)
    return path


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_only_purchases_of_known_customers_remain_in_time_order(source: Path, tmp_path: Path) -> None:
    clean(source, tmp_path / "out")
    rows = _rows(tmp_path / "out" / "purchases.parquet")
    assert [(row["invoice"], row["line"], row["item_id"]) for row in rows] == [
        ("500002", 1, "10001A"),
        ("500003", 1, "10001A"),
        ("500003", 2, "20002"),
        ("500004", 1, "20002"),
        ("500005", 1, "20002"),
        ("500001", 1, "10001A"),
    ]


def test_times_are_read_on_londons_clock(source: Path, tmp_path: Path) -> None:
    clean(source, tmp_path / "out")
    rows = _rows(tmp_path / "out" / "purchases.parquet")
    assert rows[0]["timestamp"].isoformat() == "2010-01-04T09:00:00+00:00"
    assert rows[-1]["timestamp"].isoformat() == "2010-06-01T08:00:00+00:00"


def test_catalogue_has_best_name_recent_price_and_category(source: Path, tmp_path: Path) -> None:
    clean(source, tmp_path / "out")
    # The mug's price of January is older than 90 days before its last sale: (1 + 3) / 2.
    assert _rows(tmp_path / "out" / "catalogue.parquet") == [
        {"item_id": "10001A", "name": "Red Mug", "price": 2.0, "category": "Tea & Coffee"},
        {"item_id": "20002", "name": "Wooden Clock", "price": 7.0, "category": "Clocks & Mirrors"},
    ]


def test_every_refused_line_is_reported_under_one_reason(source: Path, tmp_path: Path) -> None:
    clean(source, tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["lines"] for row in report["dropped"]] == [1, 1, 2, 1, 1, 1, 1, 1, 1]
    assert report["source"]["lines"] == report["kept"]["lines"] + len(REFUSED)


def test_attribution_names_source_terms_and_what_was_dropped(source: Path, tmp_path: Path) -> None:
    clean(source, tmp_path / "out")
    note = (tmp_path / "out" / "ATTRIBUTION.md").read_text()
    assert "10.24432/C5CG6D" in note
    assert "CC BY 4.0" in note
    assert "| guests without a customer id | 1 |" in note


def test_a_second_run_writes_the_same_bytes(source: Path, tmp_path: Path) -> None:
    clean(source, tmp_path / "one")
    clean(source, tmp_path / "two")
    for name in ("catalogue.parquet", "purchases.parquet", "report.json", "ATTRIBUTION.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_source_without_a_column_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "source.parquet"
    pd.DataFrame(SOLD, columns=SOURCE_COLUMNS).drop(columns="Country").to_parquet(path)
    with pytest.raises(ValueError, match=r"absent: \['Country'\]"):
        read_source(path)


def test_committed_data_has_the_agreed_columns_and_no_stray_line() -> None:
    data = Path("shop/data")
    catalogue = pq.read_table(data / "catalogue.parquet")
    purchases = pq.read_table(data / "purchases.parquet")
    assert catalogue.schema.equals(CATALOGUE_SCHEMA)
    assert purchases.schema.equals(PURCHASES_SCHEMA)
    assert set(purchases["item_id"].to_pylist()) == set(catalogue["item_id"].to_pylist())
    others = catalogue["category"].to_pylist().count("Other")
    assert others < 0.15 * len(catalogue)
