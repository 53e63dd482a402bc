"""Historical features by Feast's Spark store: `python -m stack.spark_join LABELS.parquet OUT.parquet`.

Runs in the environment of `make spark-install`. With `--materialize`, the newest row of every
profile goes online by Feast's Spark engine too.
"""

from __future__ import annotations

import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from contracts.lake import USER_BEHAVIOR
from contracts.settings import load_settings
from feature_repo.store import SPARK_CONFIG_PATH, open_store

SERVICE = "two_tower_v1"
NUMBER = "number"


def joined(store: Any, labels: pd.DataFrame) -> pd.DataFrame:
    """The service's features for each label, in the order of `number`."""
    job = store.get_historical_features(entity_df=labels, features=store.get_feature_service(SERVICE))
    frame: pd.DataFrame = job.to_df()
    return frame.sort_values(NUMBER).reset_index(drop=True)


def main(arguments: list[str]) -> int:
    """Join, and materialize where asked."""
    warnings.simplefilter("ignore")
    source, target, *options = arguments
    store = open_store(load_settings(), path=SPARK_CONFIG_PATH)
    joined(store, pd.read_parquet(source)).to_parquet(Path(target))
    if options == ["--materialize"]:
        now = datetime.now(UTC)
        store.materialize(now - timedelta(days=400), now + timedelta(days=1), feature_views=[USER_BEHAVIOR])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
