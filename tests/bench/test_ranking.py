"""The ranking benchmark's table: what was measured stands in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.ranking import calibration_of, write_table


def test_calibration_compares_chances_with_what_happened() -> None:
    # Logits 0 and 2 with slope 1 and intercept -1 give chances whose mean is 1/2: one of two was chosen.
    told = calibration_of(np.array([0.0, 2.0]), np.array([0.0, 1.0]), slope=1.0, intercept=-1.0)
    assert told["chosen"] == told["expected"] == 0.5
    assert told["log_loss, calibrated"] < told["log_loss, the same for all"]


def test_the_table_names_gain_cost_and_calibration(tmp_path: Path) -> None:
    row = {"recall_at_10": 0.1, "ndcg_at_10": 0.2, "coverage": 0.3, "diversity": 0.4}
    gain = {"ndcg_at_10_gain": 0.05, "gain_low": -0.01, "gain_high": 0.11}
    told = calibration_of(np.array([0.0, 2.0]), np.array([0.0, 1.0]), slope=1.0, intercept=-1.0)
    details = {
        "moments": 7,
        "table": {"two_tower": row, "two_tower_ranked": row | gain},
        "calibration_on_holdout": told,
        "cost": {"candidates": 300, "p50_ms": 0.5, "p99_ms": 0.9},
        "tries_on_validation": {"no crosses": {"ndcg_at_10": 0.19}},
    }
    text = write_table({"bench": "quality_ranking", "details": details}, tmp_path).read_text()
    assert "| two_tower | 0.1000 | 0.2000 | 0.3000 | 0.4000 |" in text
    assert "+0.0500 [-0.0100, +0.1100]" in text
    assert "300 candidates takes 0.5 ms at the median, 0.9 ms at p99" in text
    assert "| no crosses | 0.1900 |" in text
