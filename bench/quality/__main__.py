"""Measure one data set, keep the result beside its table and plots, print it as one line of JSON."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from bench.quality import DATASETS, ONLINE_RETAIL
from bench.quality.experiment import Options, run_named
from bench.quality.online_retail import own_lake
from bench.quality.online_retail import run as run_online_retail
from bench.quality.retail_tries import SETTINGS, TRIES, run_tries
from bench.record import record
from contracts.logs import configure_logging
from contracts.settings import load_settings


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("dataset", nargs="?", choices=DATASETS, default=ONLINE_RETAIL)
    parser.add_argument("--json", action="store_true", help="accepted for likeness; the last line always is JSON")
    retail = parser.add_argument_group("online_retail")
    retail.add_argument(
        "--tries",
        nargs="?",
        const=SETTINGS,
        choices=(SETTINGS, *TRIES),
        help="also measure other configurations on validation, or measure these tries alone",
    )
    retail.add_argument("--here", action="store_true", help="read the present home's lake instead of an own one")
    other = parser.add_argument_group("the other data sets")
    other.add_argument("--work", type=Path, help="folder where a fit goes on from where it was, and lists stay")
    other.add_argument("--weights", type=Path, help="measure this fitted tower instead of fitting one")
    other.add_argument("--opponents", nargs="*", default=(), help="only these opponents")
    arguments = parser.parse_args()
    configure_logging("bench")
    command = f"python -m bench.quality {arguments.dataset}" + (
        f" --tries {arguments.tries}" if arguments.tries else ""
    )
    if arguments.dataset == ONLINE_RETAIL:
        result = _online_retail(arguments.tries, here=arguments.here)
    else:
        options = Options(arguments.work, arguments.weights, tuple(arguments.opponents), command)
        result = run_named(arguments.dataset, options)
    record(result, command=command)
    print(json.dumps(result))


def _online_retail(tries: str | None, *, here: bool) -> dict[str, Any]:
    settings = load_settings()
    with nullcontext(settings) if here else own_lake(settings) as own:
        if tries in TRIES:
            return run_tries(own, tries)
        return run_online_retail(own, tries=tries is not None)


if __name__ == "__main__":
    main()
