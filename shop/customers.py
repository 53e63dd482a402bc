"""A few customers of the real history for visitors to log in as, each with a taste of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shop.files import CATALOGUE_PATH, PURCHASES_PATH

MIN_LINES = 25
MAX_LINES = 400


@dataclass(frozen=True)
class Customer:
    """`share` is the part of the customer's purchases that fell in `favourite`."""

    customer_id: str
    purchases: int
    favourite: str
    share: float


def characteristic_customers(
    *, count: int = 6, purchases_path: Path = PURCHASES_PATH, catalogue_path: Path = CATALOGUE_PATH
) -> list[Customer]:
    """Customers whose purchases lean the most to one category, at most one a category, the strongest first."""
    purchases = pq.read_table(purchases_path, columns=["item_id", "customer_id"])
    categories = pq.read_table(catalogue_path, columns=["item_id", "category"])
    lines = purchases.join(categories, keys="item_id")
    by_taste = lines.group_by(["customer_id", "category"]).aggregate([("item_id", "count")])
    totals = by_taste.group_by("customer_id").aggregate([("item_id_count", "sum")])
    tastes = by_taste.join(totals, keys="customer_id")
    total = tastes["item_id_count_sum"]
    usual = pc.and_(pc.greater_equal(total, MIN_LINES), pc.less_equal(total, MAX_LINES))
    return _one_a_category(tastes.filter(usual))[:count]


def _one_a_category(tastes: pa.Table) -> list[Customer]:
    customers = [
        Customer(
            customer_id=row["customer_id"],
            purchases=row["item_id_count_sum"],
            favourite=row["category"],
            share=row["item_id_count"] / row["item_id_count_sum"],
        )
        for row in tastes.to_pylist()
    ]
    chosen: dict[str, Customer] = {}
    for customer in sorted(customers, key=lambda each: (-each.share, each.customer_id)):
        taken = {each.customer_id for each in chosen.values()}
        if customer.favourite not in chosen and customer.customer_id not in taken:
            chosen[customer.favourite] = customer
    return list(chosen.values())
