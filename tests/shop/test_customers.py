"""Customers to log in as have a taste of their own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.settings import CollectorSettings, SecretsSettings, ServingSettings, Settings, ShopSettings
from shop.__main__ import addresses_from
from shop.customers import characteristic_customers

NOW = datetime(2010, 1, 1, tzinfo=UTC)


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, Path]:
    catalogue = {"item_id": ["mug", "clock"], "category": ["Tea", "Clocks"]}
    bought = [("ann", "mug")] * 30 + [("bob", "mug")] * 20 + [("bob", "clock")] * 10 + [("cid", "clock")] * 24
    purchases = {"item_id": [item for _, item in bought], "customer_id": [who for who, _ in bought]}
    pq.write_table(pa.table(catalogue), tmp_path / "catalogue.parquet")
    pq.write_table(pa.table(purchases), tmp_path / "purchases.parquet")
    return tmp_path / "purchases.parquet", tmp_path / "catalogue.parquet"


def test_each_category_names_its_most_devoted_customer(history: tuple[Path, Path]) -> None:
    purchases, catalogue = history
    found = characteristic_customers(purchases_path=purchases, catalogue_path=catalogue)
    # Of cid's 24 lines too few are known; of bob's 30, a third are clocks.
    assert [(c.customer_id, c.favourite, c.purchases, round(c.share, 3)) for c in found] == [
        ("ann", "Tea", 30, 1.0),
        ("bob", "Clocks", 30, 0.333),
    ]


def test_the_committed_history_has_them_for_six_categories() -> None:
    found = characteristic_customers(count=6)
    assert len(found) == 6
    assert max(Counter(customer.favourite for customer in found).values()) == 1


def test_browsers_reach_the_others_where_they_listen_unless_told() -> None:
    settings = Settings(
        collector=CollectorSettings(host="0.0.0.0", port=1),
        serving=ServingSettings(port=2),
        secrets=SecretsSettings.model_validate({"write_key": "public"}),
    )
    found = addresses_from(settings)
    assert (found.collector_url, found.service_url) == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    told = settings.model_copy(update={"shop": ShopSettings(collector_url="https://events.shop.test")})
    assert addresses_from(told).collector_url == "https://events.shop.test"
