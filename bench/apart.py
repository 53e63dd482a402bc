"""Figures of a process of its own, which nothing that ran before it in the caller can have altered."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.record import record
from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from stack.environment import server_variables

# On one core: what else runs on the machine then costs all that is compared the same.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}


def apart(
    settings: Settings, module: str, *arguments: str, variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The last line of what `python -m MODULE ARGUMENTS` prints, read as JSON; `variables` are added to its own."""
    finished = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=settings.project,
        env={
            **os.environ,
            **server_variables(settings),
            "PYTHONPATH": str(settings.project),
            **(variables or {}),
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


def measured_periods(settings: Settings, module: str, *, here: bool, tuning: bool) -> dict[str, Any]:
    """What `periods_main` measures of the demo's year, on one thread, in the lake of `settings` or in an own one."""
    from bench.quality.online_retail import own_lake

    arguments = ["--measure", *(["--tuning"] if tuning else [])]
    if here:
        return apart(settings, module, *arguments, variables=ONE_THREAD)
    with own_lake(settings) as own:
        return apart(own, module, *arguments, variables=ONE_THREAD)


def periods_main(
    module: str, run: Callable[..., dict[str, Any]], measure: Callable[..., dict[str, Any]], *, command: str
) -> None:
    """The command line of a benchmark over successive periods: run, keep the result, print it as one line of JSON.

    `run(settings, here=, tuning=)` makes the result, `measure(settings, folder, tuning=)` the figures in the process
    that `measured_periods` starts for it.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--here", action="store_true", help="read the present home's lake instead of an own one")
    parser.add_argument("--tuning", action="store_true", help="the periods before the ten; nothing is kept")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    configure_logging("bench")
    if arguments.measure:
        with tempfile.TemporaryDirectory(prefix="clickloop-bench-") as directory:
            print(json.dumps(measure(load_settings(), Path(directory), tuning=arguments.tuning)))
        return
    result = run(load_settings(), here=arguments.here, tuning=arguments.tuning)
    if not arguments.tuning:
        record(result, command=command)
    print(json.dumps(result))
