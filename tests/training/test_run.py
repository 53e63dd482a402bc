"""Steps of a run that do not need a fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.run import opponent, refusal


@pytest.mark.parametrize("manifest", [None, "no manifest", '{"format_version": 0}'])
def test_a_champion_that_cannot_be_read_is_no_opponent(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    assert opponent(tmp_path) is None


def test_an_equal_score_is_no_better() -> None:
    row = {"ndcg_at_10": 0.1}
    better = {"ndcg_at_10": 0.2}
    assert refusal({"two_tower": better, "popularity": row, "popularity_decayed": row}, k=10) is None
    refused = refusal({"two_tower": row, "popularity": row, "popularity_decayed": row}, k=10)
    assert refused == "ndcg_at_10 0.1000 does not beat popularity's 0.1000"
    assert refusal({"two_tower": row, "popularity": {"ndcg_at_10": 0.0}, "champion": better}, k=10) is not None
