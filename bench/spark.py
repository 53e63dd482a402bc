"""Events a second through Spark on two cores, killed on the way, beside one worker: `python -m bench.spark`.

Needs what `make spark-demo` needs: `make spark-install` and a Java 17 or 21.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from bench import worker
from bench.record import record
from contracts.settings import Settings, load_settings
from stack import spark_demo
from stack.spark_driver import MASTER

EVENTS = 100_000


def run(settings: Settings, *, events: int = EVENTS) -> dict[str, Any]:
    """Spark with state store, checkpoint, rows and lake; floor: one worker on as many events in the same run.

    Raises what `stack.spark_demo.run` raises, and RuntimeError where Spark's totals are not the plain fold's.
    """
    spark = spark_demo.run(settings, events=events, users=worker.USERS, say=_say)
    if not spark.passed:
        failed = [check.name for check in spark.checks if not check.passed]
        raise RuntimeError(f"expected Spark's totals to be the plain fold's; different: {', '.join(failed)}")
    load = [os.getloadavg()[1]]
    own = worker.run(settings, events=events)
    load.append(os.getloadavg()[1])
    return {
        "bench": "spark",
        "figure": round(spark.events_s),
        "unit": f"events/s at {MASTER}, from commit to commit",
        "floor": own["figure"],
        "floor_unit": "events/s of one worker, in the same run",
        "ratio": round(spark.events_s / own["figure"], 3),
        "details": {
            "events": spark.events,
            "profiles": spark.profiles,
            "batches": spark.batches,
            "kills": spark.kills,
            # Of Spark's five last minutes and the worker's: above the number of cores, the ratio says little.
            "load_average": load,
            "compared": {check.name: check.compared for check in spark.checks},
            "different": sum(len(check.differing) for check in spark.checks),
        },
    }


def _say(what: str) -> None:
    print(what, file=sys.stderr)


def main(arguments: Sequence[str]) -> None:
    """Run, keep the result, print it as one line of JSON."""
    warnings.simplefilter("ignore")
    result = run(load_settings(), events=int(arguments[0]) if arguments else EVENTS)
    record(result, command="python -m bench.spark")
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
