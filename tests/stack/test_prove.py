"""The proof's arithmetic, and what counts as proof."""

from __future__ import annotations

import pytest

from stack.prove import Click, percentile, require_changed, summary
from stack.visitor import VisitError


def _click(number: int, *, changed: bool = True, source: str = "model") -> Click:
    return Click(
        acknowledged_ms=1.0 * number,
        folded_ms=2.0 * number,
        visible_ms=3.0 * number,
        recommended_ms=4.0 * number,
        changed=changed,
        source=source,
        model_version="7",
    )


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0  # the second of four: half of them do not exceed it
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.99) == 4.0
    assert percentile([5.0], 0.5) == 5.0
    assert percentile([float(value) for value in range(1, 101)], 0.99) == 99.0


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 0.5)


def test_summary_splits_by_stage() -> None:
    found = summary([_click(number) for number in range(1, 101)])
    assert (found["visitors"], found["p50_ms"], found["p99_ms"]) == (100, 200.0, 396.0)
    assert found["stages"]["acknowledged"] == {"p50_ms": 50.0, "p99_ms": 99.0}
    assert found["stages"]["visible"] == {"p50_ms": 150.0, "p99_ms": 297.0}
    assert found["lists_changed"] == 100


def test_a_list_that_stayed_is_no_proof() -> None:
    with pytest.raises(VisitError, match="expected 2 lists to change, 1 did"):
        require_changed(summary([_click(1), _click(2, changed=False)]))


def test_an_answer_without_the_model_is_no_proof() -> None:
    with pytest.raises(VisitError, match="from the model, got model, popular"):
        require_changed(summary([_click(1), _click(2, source="popular")]))


def test_changed_lists_of_the_model_are_proof() -> None:
    require_changed(summary([_click(1), _click(2)]))
