"""Cleans Online Retail II into the shop's catalogue and purchases: `python -m shop.clean SOURCE.parquet`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from shop.attribution import render
from shop.categories import Categorizer
from shop.files import DATA_DIR
from shop.names import best_description, display_name

MAX_QUANTITY = 3000
MIN_INVOICES = 3
RECENT_DAYS = 90

SOURCE_COLUMNS = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
_ARTICLE_CODE = r"\d{5}[A-Z]{0,3}|DCGS\w+|SP\d+"

CATALOGUE_SCHEMA = pa.schema(
    [("item_id", pa.string()), ("name", pa.string()), ("price", pa.float64()), ("category", pa.string())]
)
PURCHASES_SCHEMA = pa.schema(
    [
        ("invoice", pa.string()),
        ("line", pa.int32()),
        ("item_id", pa.string()),
        ("quantity", pa.int32()),
        ("price", pa.float64()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("customer_id", pa.string()),
        ("country", pa.string()),
    ]
)

Rule = Callable[[pd.DataFrame], "pd.Series[bool]"]

# Applied in this order; a line counts for the first rule that it breaks.
RULES: tuple[tuple[str, Rule], ...] = (
    ("cancellations and returns (invoice C…, or quantity below 1)", lambda t: _starts(t, "C") | (t.quantity < 1)),
    ("bad-debt adjustments (invoice A…)", lambda t: _starts(t, "A")),
    (
        "codes that are no article: postage, carriage, manual entries, discounts, fees, samples, vouchers, tests",
        lambda t: ~t.item_id.str.fullmatch(_ARTICLE_CODE),
    ),
    ("price of zero or less: stock corrections, gifts, breakages", lambda t: t.price <= 0),
    ("guests without a customer id", lambda t: t.customer_id.isna()),
    (f"outlier quantities (more than {MAX_QUANTITY:,} pieces on a line)", lambda t: t.quantity > MAX_QUANTITY),
    (
        "the same line twice on one invoice (equal article, quantity and price)",
        lambda t: t.duplicated(["invoice", "item_id", "quantity", "price"]),
    ),
    ("articles without a proper description", lambda t: ~t.item_id.isin(_described(t))),
    (
        f"articles on fewer than {MIN_INVOICES} invoices",
        lambda t: t.groupby("item_id").invoice.transform("nunique") < MIN_INVOICES,
    ),
)


def _starts(table: pd.DataFrame, letter: str) -> pd.Series[bool]:
    return table.invoice.str.startswith(letter)


def _descriptions(table: pd.DataFrame) -> dict[str, str]:
    counts = table.assign(text=table.description.str.strip()).groupby(["item_id", "text"]).size()
    found = {
        str(item): best_description({str(text): int(n) for text, n in group.droplevel(0).items()})
        for item, group in counts.groupby(level=0)
    }
    return {item: text for item, text in found.items() if text is not None}


def _described(table: pd.DataFrame) -> list[str]:
    return list(_descriptions(table))


def read_source(path: Path) -> pd.DataFrame:
    """Invoice lines with our column names and types. Raises ValueError where a column is absent."""
    source = pd.read_parquet(path)
    absent = [name for name in SOURCE_COLUMNS if name not in source]
    if absent:
        raise ValueError(f"{path}: expected columns {SOURCE_COLUMNS}, came {list(source)}; absent: {absent}")
    invoice = source["Invoice"].astype(str)
    return pd.DataFrame(
        {
            "invoice": invoice,
            "line": source.groupby(invoice, sort=False).cumcount() + 1,
            "item_id": source["StockCode"].astype(str).str.strip().str.upper(),
            "description": source["Description"].fillna("").astype(str),
            "quantity": source["Quantity"],
            "price": source["Price"],
            # Invoices carry the clock of the shop, in London.
            "timestamp": pd.to_datetime(source["InvoiceDate"]).dt.tz_localize("Europe/London").dt.tz_convert("UTC"),
            "customer_id": source["Customer ID"].astype("Int64").astype("string"),
            "country": source["Country"].astype(str).replace("Unspecified", ""),
        }
    )


def drop(table: pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The lines that break no rule, and for each rule how many lines and articles it took."""
    dropped: list[dict[str, Any]] = []
    for reason, rule in RULES:
        breaks = rule(table)
        gone, table = table[breaks], table[~breaks]
        articles = len(set(gone.item_id) - set(table.item_id))
        dropped.append({"reason": reason, "lines": len(gone), "codes_gone": articles})
    return table, dropped


def catalogue(purchases: pd.DataFrame) -> pd.DataFrame:
    """One row an article: best description as its name, median recent unit price, category of its words."""
    categorizer = Categorizer()
    descriptions = _descriptions(purchases)
    newest = purchases.groupby("item_id").timestamp.transform("max")
    recent = purchases[purchases.timestamp >= newest - pd.Timedelta(days=RECENT_DAYS)]
    price = recent.groupby("item_id").price.median().round(2)
    items = pd.DataFrame({"item_id": sorted(descriptions)})
    items["name"] = [display_name(descriptions[item]) for item in items.item_id]
    items["price"] = items.item_id.map(price)
    items["category"] = [categorizer.category(descriptions[item]) for item in items.item_id]
    return items


def clean(source: Path, target: Path) -> dict[str, Any]:
    """Write catalogue, purchases, report and attribution to `target`; returns the report."""
    lines = read_source(source)
    kept, dropped = drop(lines)
    kept = kept.sort_values(["timestamp", "invoice", "line"], kind="stable")
    items = catalogue(kept)
    target.mkdir(parents=True, exist_ok=True)
    _write(items, CATALOGUE_SCHEMA, target / "catalogue.parquet")
    _write(kept, PURCHASES_SCHEMA, target / "purchases.parquet")
    report = {
        "source": {"lines": len(lines), "codes": int(lines.item_id.nunique())},
        "dropped": dropped,
        "kept": {
            "lines": len(kept),
            "articles": len(items),
            "customers": int(kept.customer_id.nunique()),
            "first": kept.timestamp.min().isoformat(),
            "last": kept.timestamp.max().isoformat(),
        },
        "categories": {str(name): int(n) for name, n in items.category.value_counts().sort_index().items()},
    }
    (target / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (target / "ATTRIBUTION.md").write_text(render(report), encoding="utf-8")
    return report


def _write(table: pd.DataFrame, schema: pa.Schema, path: Path) -> None:
    arrow = pa.Table.from_pandas(table[schema.names], schema=schema, preserve_index=False)
    # Without pandas' metadata, so that the bytes depend on the data alone.
    pq.write_table(
        arrow.replace_schema_metadata(None), path, compression="zstd", compression_level=19, store_schema=False
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="Online Retail II as Parquet, the UCI column names")
    parser.add_argument("--target", type=Path, default=DATA_DIR, help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args()
    report = clean(arguments.source, arguments.target)
    print(json.dumps(report["kept"]))


if __name__ == "__main__":
    main()
