"""Feast's definitions, and the import of Feast itself: in half of its time, and with its counters in memory.

Feast decorates its classes with typeguard, which at import parses and compiles the source of each again, 3 of
the 6 seconds of processor time that every process start would wait for. What it checks are the
arguments of definitions; mypy checks ours. typeguard's own switch is `python -O`, which takes all assertions away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Before Feast, whose import would turn its counters into files that processes share.
import prometheus_client  # noqa: F401
import typeguard


def _unchecked(target: Any = None, **_: Any) -> Any:
    return _as_it_is if target is None else target


def _as_it_is(target: Callable[..., Any]) -> Callable[..., Any]:
    return target


_checked = typeguard.typechecked
typeguard.typechecked = _unchecked
try:
    import feast  # noqa: F401
finally:
    typeguard.typechecked = _checked
