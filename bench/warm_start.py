"""Warm starts beside full retrains and a model left alone, period after period: `python -m bench.warm_start`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.apart import measured_periods, periods_main
from bench.record import RESULTS
from bench.warm_start_report import draw, write_report
from contracts.settings import Settings

COMMAND = "clickloop bench warm-start --json"


def run(settings: Settings, *, here: bool = False, tuning: bool = False) -> dict[str, Any]:
    """NDCG@10 of a chain of warm starts over that of full retrains, with the seconds of both.

    `here` reads the lake of `settings` instead of an own one; `tuning` measures the periods before
    the ten, on which settings are chosen, and leaves the report as it is.
    """
    measured = measured_periods(settings, "bench.warm_start", here=here, tuning=tuning)
    result = {
        "bench": "warm_start",
        "figure": measured["warm_ndcg_ratio"]["mean"],
        "unit": "of the full retrain's NDCG@10, by a chain of warm starts, mean over the periods",
        "floor": measured["cpu_ratio"],
        "floor_unit": "of the full retrain's CPU seconds",
        "ratio": measured["warm_ndcg_ratio"]["mean"],
        "details": measured,
    }
    if not tuning:
        write_report(result, command=COMMAND, directory=RESULTS)
        draw(result, RESULTS)
    return result


def measure(settings: Settings, work: Path, *, tuning: bool) -> dict[str, Any]:
    """The figures of this process."""
    from bench import warm_start_periods

    return warm_start_periods.measure(settings, work, tuning=tuning)


if __name__ == "__main__":
    periods_main("bench.warm_start", run, measure, command=COMMAND)
