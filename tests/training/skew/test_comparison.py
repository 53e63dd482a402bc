"""One value beside another."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from training.skew.comparison import Comparison, Verdict, compare

EQUAL = Comparison(Verdict.EQUAL)


@pytest.mark.parametrize(
    ("served", "past"),
    [
        (1, 1),
        (0, 0.0),  # JSON writes a float without a fraction as it pleases
        (0.1 + 0.2, 0.3),
        (1e9, 1e9 + 0.5),  # relative 5e-10
        (nan, nan),
        ("GB", "GB"),
        ([], []),
        ([1.0, 2.0], (1.0, 2.0 + 1e-12)),
        (["a", "b"], ["a", "b"]),
        (None, None),
    ],
)
def test_equal(served: Any, past: Any) -> None:
    assert compare(served, past) == EQUAL


@pytest.mark.parametrize(
    ("served", "past", "difference"),
    [
        (3, 5, 2.0),
        (10**12, 10**12 + 1, 1.0),  # counts are exact, however large
        (0.5, 0.25, 0.25),
        (1.0, nan, inf),
        ("1", 1, inf),
        (True, 1, inf),
        ("GB", "FR", inf),
        (["a", "b"], ["b", "a"], inf),
        (["a"], ["a", "b"], inf),
        ([1.0, 2.0, 3.0], [1.5, 2.0, 1.0], 2.0),
        ("ab", ["a", "b"], inf),
    ],
)
def test_differing(served: Any, past: Any, difference: float) -> None:
    assert compare(served, past) == compare(past, served) == Comparison(Verdict.DIFFERING, difference)


def test_missing_is_told_by_its_side() -> None:
    assert compare(None, 0).verdict is Verdict.MISSING_ONLINE
    assert compare([], None).verdict is Verdict.MISSING_OFFLINE


def test_tolerance_is_relative_and_absolute() -> None:
    assert compare(100.0, 101.0, tolerance=0.01) == EQUAL
    assert compare(0.0, 0.009, tolerance=0.01) == EQUAL
    assert compare(100.0, 102.0, tolerance=0.01).verdict is Verdict.DIFFERING
