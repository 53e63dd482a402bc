"""What cleaning takes from a fit: lines that came back by the source's returns, found in the lake's moments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from bench.quality.cleaning import AS_CHOSEN, as_served, cleaning_table, returned_lines, without_lines
from features.instant import DAY_US
from privacy.pseudonym import Pseudonymizer
from tests.training.test_fit import shop

NOON = datetime(2010, 1, 4, 12, tzinfo=UTC)


def purchases(path: Path, *lines: tuple[str, int, str, int]) -> Path:
    """Of (customer, day, item, quantity)."""
    table = pd.DataFrame(
        {
            "message_id": [f"m{place}" for place in range(len(lines))],
            "customer_id": [line[0] for line in lines],
            "timestamp": pd.Series([NOON + timedelta(days=line[1]) for line in lines]).dt.as_unit("us"),
            "item_id": [line[2] for line in lines],
            "quantity": [line[3] for line in lines],
        }
    )
    table.to_parquet(path)
    return path


def source(path: Path, *lines: tuple[str, str, float | None, int]) -> Path:
    """Of (invoice, item, customer, quantity), all on the tenth of January."""
    pd.DataFrame(
        {
            "Invoice": [line[0] for line in lines],
            "StockCode": [line[1] for line in lines],
            "Description": "a tin",
            "Quantity": [line[3] for line in lines],
            "InvoiceDate": "2010-01-10 09:00:00",
            "Price": 1.0,
            "Customer ID": [line[2] for line in lines],
            "Country": "France",
        }
    ).to_parquet(path)
    return path


def test_lines_came_back_where_a_return_of_the_source_takes_all_of_them(tmp_path: Path) -> None:
    bought = purchases(
        tmp_path / "purchases.parquet",
        ("1", 0, "A", 2),
        ("1", 1, "B", 3),
        ("1", 2, "C", 1),
        ("1", 2, "C", 5),
        ("2", 0, "A", 2),
    )
    back = source(
        tmp_path / "source.parquet",
        ("C1", "A", 1.0, -2),
        ("C1", "B", 1.0, -1),
        # Of two lines of an instant the later gives five pieces, and the sixth is the other's: nothing is left.
        ("C2", "C", 1.0, -5),
        ("C3", "A", None, -2),
        ("9", "A", 2.0, -2),
    )
    found = returned_lines(bought, back, 30.0)
    assert found[["customer_id", "item_id"]].to_numpy().tolist() == [["1", "A"]]
    assert returned_lines(bought, back, 2.0).empty


def test_a_line_is_found_in_the_lake_by_pseudonym_and_moved_by_whole_days(tmp_path: Path) -> None:
    bought = purchases(tmp_path / "purchases.parquet", ("1", 0, "A", 2), ("2", 3, "B", 1))
    lines = pd.DataFrame({"customer_id": ["1"], "timestamp": [pd.Timestamp(NOON)], "item_id": ["A"]})
    last_us = int((NOON + timedelta(days=3)).timestamp() * 1e6)
    data = replace(shop(1), at_us=np.array([last_us + 5000 * DAY_US]))
    user = Pseudonymizer("a key of eight or more").user("1")
    expected = (user, last_us + 4997 * DAY_US, "A")
    assert as_served(lines, data, bought, "a key of eight or more") == {expected}


def test_moments_lose_the_lines_and_go_where_none_is_left() -> None:
    data = shop(20)
    at_us, items = data.at_us.tolist(), data.vocabulary.items
    gone = {(data.users[3], at_us[3], items[item]) for item in data.purchased[3].tolist()}
    gone.add((data.users[5], at_us[5], items[data.basket[5][0]]))
    gone.add((data.users[6], at_us[6] + 1, items[data.basket[6][0]]))
    found = without_lines(data, gone)
    left = [row for row in range(20) if row != 3]
    assert found.users.tolist() == data.users[left].tolist()
    for place, row in enumerate(left):
        expected = data.basket[row].tolist()[1:] if row == 5 else data.basket[row].tolist()
        assert found.basket[place].tolist() == expected
        assert found.purchased[place].tolist() == [x for x in data.purchased[row].tolist() if x in expected or row != 5]
        assert found.bought[place].tolist() == data.bought[row].tolist()


def test_the_table_has_a_gain_where_there_is_a_row_before() -> None:
    first = {"takes": "bots 0", "ndcg_at_10": 0.1, "recall_at_10": 0.08}
    other = first | {"takes": "", "gain": 0.01, "gain_low": -0.002, "gain_high": 0.03}
    table = cleaning_table({"details": {"cases": 9, "rows": {AS_CHOSEN: first, "seed 8": other}}})
    assert table.splitlines()[4] == "| as chosen | bots 0 | 0.1000 | 0.0800 |  |"
    assert table.splitlines()[5] == "| seed 8 |  | 0.1000 | 0.0800 | +0.0100 [-0.0020, +0.0300] |"
