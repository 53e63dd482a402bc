"""`clickloop skew`: the check of what was served, and what it found as a table."""

from __future__ import annotations

import json
import logging
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table

from contracts.logs import configure_logging
from contracts.settings import load_settings
from stack.setup import prepare_home

if TYPE_CHECKING:
    from training.skew.report import SkewReport

_COLUMNS = ("compared", "equal", "late", "missing_online", "missing_offline", "differing")


def show(*, day: date | None, limit: int, settle_s: float, as_json: bool) -> bool:
    """Check a day, write and print the report; whether what was served is what history says."""
    configure_logging("skew", level=logging.WARNING)
    from training.skew.check import SkewConfig, check_skew, write_report

    settings = prepare_home(load_settings())
    report = check_skew(settings, day, SkewConfig(limit=limit, settle_s=settle_s))
    path = write_report(settings, report)
    if as_json:
        print(json.dumps(report.as_dict()))
    else:
        Console().print(_page(report), f"report: {path}")
    return not report.defects


def _page(report: SkewReport) -> Group:
    said = report.as_dict()
    features = Table("feature", *(name.replace("_", " ") for name in _COLUMNS), "largest difference")
    for name, one in said["features"].items():
        features.add_row(name, *(str(one[column]) for column in _COLUMNS), f"{one['largest_difference']:.3g}")
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in said["answers"].items())
    rows = ", ".join(f"{name} {count}" for name, count in said["rows"].items() if count)
    behind = ", ".join(f"{name} {seconds:g} s" for name, seconds in said["unseen_s"].items())
    lines = [f"{report.day}, {report.service}: {counts}", f"rows: {rows or 'none'}"]
    lines += [f"not yet seen for: {behind}"] if behind else []
    verdict = report.defects or ["what was served is what history says"]
    return Group(*lines, features, *verdict)
