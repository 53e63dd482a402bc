"""The shop's real purchases, moved in time so that they end yesterday."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DATA_DIR = Path(__file__).resolve().parent / "data"
CATALOGUE_PATH = DATA_DIR / "catalogue.parquet"
PURCHASES_PATH = DATA_DIR / "purchases.parquet"


def shifted_purchases(now: datetime, *, path: Path = PURCHASES_PATH) -> pa.Table:
    """Purchases in time order, moved by whole days: the last falls on the last full UTC day before `now`.

    Columns: invoice, line, item_id, quantity, price, timestamp (aware UTC, microseconds),
    customer_id, country. Raises ValueError where `now` carries no time zone.
    """
    if now.tzinfo is None:
        raise ValueError(f"expected an aware instant, came {now!r}")
    table = pq.read_table(path)
    last: datetime = pc.max(table["timestamp"]).as_py()
    yesterday = now.astimezone(last.tzinfo).date() - timedelta(days=1)
    shift = pa.scalar(timedelta(days=(yesterday - last.date()).days), pa.duration("us"))
    moved = pc.add(table["timestamp"], shift)
    return table.set_column(table.schema.get_field_index("timestamp"), "timestamp", moved)
