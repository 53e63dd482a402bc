"""The join's benchmark at a size that takes a moment: both stores answer alike, and a difference is seen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench import join
from bench.join import FEAST, OWN, Size, measure, write_tables

TINY = Size(labels=300, rows=6_000, peer_labels=200)


def test_both_stores_find_the_same_and_a_difference_is_an_error(tmp_path: Path) -> None:
    write_tables(tmp_path, TINY)
    own, peer = measure(OWN, tmp_path, TINY.labels), measure(FEAST, tmp_path, TINY.labels)
    assert 0 < own["labels_found"] == peer["labels_found"] < TINY.labels
    join._compare(tmp_path)
    path = tmp_path / join._answers(OWN)
    answers = pd.read_parquet(path)
    answers.loc[answers["value_3"].first_valid_index(), "value_3"] = -9.0
    answers.to_parquet(path)
    with pytest.raises(RuntimeError, match="differ in value_3"):
        join._compare(tmp_path)
