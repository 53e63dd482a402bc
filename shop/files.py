"""Where the shop's committed data lie."""

from __future__ import annotations

from pathlib import Path

DATA_DIR = Path(__file__).resolve().parent / "data"
CATALOGUE_PATH = DATA_DIR / "catalogue.parquet"
PURCHASES_PATH = DATA_DIR / "purchases.parquet"
