"""The nightly check of what was served: tasks around the steps of `training.skew.check`, and nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from contracts.settings import load_settings
from training.skew import check

check_skew = task(retries=2, retry_delay_seconds=5, timeout_seconds=1800, cache_policy=NO_CACHE)(check.check_skew)
write_report = task(retries=1, timeout_seconds=60, cache_policy=NO_CACHE)(check.write_report)
require_none = task(retries=0, timeout_seconds=60, cache_policy=NO_CACHE)(check.require_none)


@flow(name="check-served", persist_result=False, validate_parameters=True)
def check_served(day: date | None = None) -> dict[str, Any]:
    """Check a UTC day, yesterday by default; fails where what was served is not what history says."""
    settings = load_settings()
    report = check_skew(settings, day)
    write_report(settings, report)
    require_none(report)
    found: dict[str, Any] = report.as_dict()
    return found
