"""Feast's definitions, and the import of Feast itself: in a fraction of its time, and with its counters in memory.

Feast decorates its classes with typeguard, which at import parses and compiles the source of each again, 3 of
the 6 seconds of processor time that every process start would wait for. What it checks are the
arguments of definitions; mypy checks ours. typeguard's own switch is `python -O`, which takes all assertions away.
Most of the rest are packages that Feast names and a process which reads and writes features never uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Before Feast, whose import would turn its counters into files that processes share.
import prometheus_client  # noqa: F401
import typeguard

from feature_repo.deferred import deferred

# Feast's own servers, its registry in a database and its offline store's engine, and what it names in annotations.
_PUT_OFF = (
    *("feast.feature_server", "feast.ui_server", "feast.infra.registry.sql"),
    *("pandas", "pyarrow.dataset", "duckdb", "ibis", "ibis.expr", "ibis.expr.types"),
    *("fastapi", "fastapi.concurrency", "jinja2", "requests"),
)


def _unchecked(target: Any = None, **_: Any) -> Any:
    return _as_it_is if target is None else target


def _as_it_is(target: Callable[..., Any]) -> Callable[..., Any]:
    return target


_checked = typeguard.typechecked
typeguard.typechecked = _unchecked
try:
    with deferred(_PUT_OFF):
        import feast

        # What opening a store and reading its registry import.
        import feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source
        import feast.infra.offline_stores.duckdb
        import feast.infra.online_stores.redis
        import feast.infra.passthrough_provider  # noqa: F401
finally:
    typeguard.typechecked = _checked
