"""One value as served beside the same value by history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isclose
from typing import Any

# Relative and absolute: what a sum in another order may differ by, and far below what a model can tell apart.
TOLERANCE = 1e-9


class Verdict(StrEnum):
    """What came of comparing."""

    EQUAL = "equal"
    DIFFERING = "differing"
    MISSING_ONLINE = "missing_online"
    MISSING_OFFLINE = "missing_offline"


@dataclass(frozen=True)
class Comparison:
    """A verdict, and by how much numbers differ: infinite between values that are no numbers."""

    verdict: Verdict
    difference: float = 0.0


def compare(served: Any, past: Any, *, tolerance: float = TOLERANCE) -> Comparison:
    """Compare by type: floats to `tolerance` (relative and absolute), lists place by place, all else exactly.

    None is a value that is missing; on both sides it is equal. A whole number equals the float of the same value.
    """
    if served is None or past is None:
        if served is past:
            return Comparison(Verdict.EQUAL)
        return Comparison(Verdict.MISSING_ONLINE if served is None else Verdict.MISSING_OFFLINE, inf)
    difference = _difference(served, past, tolerance)
    return Comparison(Verdict.DIFFERING if difference else Verdict.EQUAL, difference)


def _difference(served: Any, past: Any, tolerance: float) -> float:
    """0 where equal."""
    if _is_list(served) and _is_list(past):
        if len(served) != len(past):
            return inf
        return max((_difference(one, other, tolerance) for one, other in zip(served, past, strict=True)), default=0.0)
    if _is_number(served) and _is_number(past):
        if served != served or past != past:  # NaN
            return 0.0 if served != served and past != past else inf
        whole = isinstance(served, int) and isinstance(past, int)
        near = served == past if whole else isclose(served, past, rel_tol=tolerance, abs_tol=tolerance)
        return 0.0 if near else abs(float(served) - float(past))
    return 0.0 if type(served) is type(past) and served == past else inf


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
