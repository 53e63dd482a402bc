"""Warm starts beside full retrains and a model left alone, period after period: `python -m bench.warm_start`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.record import RESULTS, record
from bench.warm_start_report import draw, write_report
from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings

COMMAND = "clickloop bench warm-start --json"
# On one core: what else runs on the machine then costs either kind of fit the same.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
_ONE_THREAD |= {"TF_NUM_INTEROP_THREADS": "1"}


def run(settings: Settings, *, here: bool = False, tuning: bool = False) -> dict[str, Any]:
    """NDCG@10 of a chain of warm starts over that of full retrains, with the seconds of both.

    `here` reads the lake of `settings` instead of an own one; `tuning` measures the periods before
    the ten, on which settings are chosen, and leaves the report as it is.
    """
    measured = apart(settings, "bench.warm_start", here=here, tuning=tuning)
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


def apart(settings: Settings, module: str, *, here: bool, tuning: bool) -> dict[str, Any]:
    """What `python -m MODULE --measure` says, on one thread, of the lake of `settings` or of an own one."""
    from bench.quality.online_retail import own_lake

    if here:
        return _in_own_process(settings, module, tuning=tuning)
    with own_lake(settings) as own:
        return _in_own_process(own, module, tuning=tuning)


def _in_own_process(settings: Settings, module: str, *, tuning: bool) -> dict[str, Any]:
    finished = subprocess.run(
        [sys.executable, "-m", module, "--measure", *(["--tuning"] if tuning else [])],
        cwd=settings.project,
        env={
            **os.environ,
            **_ONE_THREAD,
            "PYTHONPATH": str(settings.project),
            "CLICKLOOP_HOME": str(settings.home),
            "CLICKLOOP_REDIS_URL": settings.redis.url,
            "CLICKLOOP_REDIS_KEY_PREFIX": settings.redis.key_prefix,
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.warm_start", description=__doc__)
    parser.add_argument("--here", action="store_true", help="read the present home's lake instead of an own one")
    parser.add_argument("--tuning", action="store_true", help="the periods before the ten; nothing is kept")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    configure_logging("bench")
    if arguments.measure:
        from bench.warm_start_periods import measure

        with tempfile.TemporaryDirectory(prefix="clickloop-bench-") as directory:
            print(json.dumps(measure(load_settings(), Path(directory), tuning=arguments.tuning)))
        return
    result = run(load_settings(), here=arguments.here, tuning=arguments.tuning)
    if not arguments.tuning:
        record(result, command=COMMAND)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
