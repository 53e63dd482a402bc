"""Seconds of a whole training run, from nothing and from the champion on, by stage: `python -m bench.warm_run`."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.apart import ONE_THREAD, apart
from bench.record import RESULTS, record
from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from training.config import TrainingConfig

COMMAND = "clickloop bench warm-run --json"
FULL, WARM, NIGHTLY = "full", "warm", "warm, nightly"
HOLDOUT_DAYS, FORTNIGHT = 14, 14


def run(settings: Settings) -> dict[str, Any]:
    """CPU seconds of a warm run a fortnight after its champion; floor: a full run on the same data.

    The details also have a warm run the day after, of whose night two the ranker's retriever is a fortnight old.
    """
    from bench.quality.online_retail import own_lake
    from training.registry import promote

    def measured(own: Settings, kind: str, *, back: int = 0) -> dict[str, Any]:
        days = str(HOLDOUT_DAYS + back)
        begun_s = time.perf_counter()
        came = apart(own, "bench.warm_run", "--measure", kind, days, variables=ONE_THREAD)
        return {**came, "wall_s": round(time.perf_counter() - begun_s, 1)}

    with own_lake(settings) as own:
        first = measured(own, FULL, back=FORTNIGHT)
        promote(own, first["version"])
        runs = {WARM: measured(own, WARM)}
        promote(own, first["version"])
        runs[FULL] = measured(own, FULL)
        promote(own, first["version"])
        promote(own, measured(own, WARM, back=1)["version"])
        runs[NIGHTLY] = measured(own, WARM)
    full, warm = runs[FULL], runs[WARM]
    result = {
        "bench": "warm_run",
        "figure": warm["cpu_s"],
        "unit": "CPU s of a training run that goes on from a champion a fortnight old",
        "floor": full["cpu_s"],
        "floor_unit": "CPU s of a run that fits from nothing",
        "ratio": round(warm["cpu_s"] / full["cpu_s"], 3),
        "details": {
            "runs": runs,
            "wall_ratio": round(warm["wall_s"] / full["wall_s"], 3),
            "nightly_ratio": round(runs[NIGHTLY]["cpu_s"] / full["cpu_s"], 3),
            "load_average": round(os.getloadavg()[0], 1),
        },
    }
    write_report(result)
    return result


def measure(settings: Settings, kind: str, holdout_days: int) -> dict[str, Any]:
    """The steps of the flow in this process, with the seconds of each; what was imported before counts too."""
    from training import assess, collect, continued
    from training import run as steps

    config = replace(TrainingConfig(), holdout_days=holdout_days)
    stages: dict[str, dict[str, float]] = {}

    def timed(stage: str, step: Callable[..., Any], *arguments: Any) -> Any:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        came = step(*arguments)
        stages[stage] = {"cpu_s": time.process_time() - cpu_s, "wall_s": time.perf_counter() - wall_s}
        return came

    warm = kind == WARM
    collected = timed("collect", continued.collect_warm if warm else collect.collect, settings, config)
    fitted = timed("towers", continued.fit_warm if warm else steps.fit, collected, config)
    ranker = timed("ranker", steps.fit_ranker, settings, collected, config)
    candidate = timed("artefact", steps.write_candidate, settings, collected, fitted.arrays, config)
    measured = timed("measure", steps.measure, settings, collected, candidate, config, ranker)
    reviewed = timed("assess", assess.assess, settings, collected, candidate, fitted, measured, config)
    version = timed("publish", steps.publish, settings, collected, candidate, fitted, reviewed, measured, config)
    decision = timed("decide", steps.decide, settings, version, measured, reviewed, config)
    return {
        "version": version,
        "cpu_s": round(time.process_time(), 1),
        "stages": {stage: {name: round(value, 2) for name, value in took.items()} for stage, took in stages.items()},
        "moments": len(collected.purchases),
        "joined": len(collected.dataset),
        "start": decision["start"],
        "ndcg_at_10": {name: round(row["ndcg_at_10"], 4) for name, row in measured.table.items()},
        "ranker_gain": [round(measured.table["two_tower_ranked"][name], 4) for name in _GAIN] if ranker else None,
        "promoted": decision["promoted"],
    }


_GAIN = ("ndcg_at_10_gain", "gain_low", "gain_high")


def write_report(result: dict[str, Any], directory: Path = RESULTS) -> Path:
    """`warm_run.md`; returns its path."""
    runs, details = result["details"]["runs"], result["details"]
    names = {FULL: "full", WARM: "warm, champion of a fortnight ago", NIGHTLY: "warm, champion of the day before"}
    lines = ["| CPU s (by the clock) | " + " | ".join(names.values()) + " |", "|---" * (len(names) + 1) + "|"]
    for stage in runs[FULL]["stages"]:
        took = (runs[kind]["stages"][stage] for kind in names)
        lines.append(f"| {stage} | " + " | ".join(f"{one['cpu_s']:.1f} ({one['wall_s']:.1f})" for one in took) + " |")
    totals = (f"{runs[kind]['cpu_s']:.1f} ({runs[kind]['wall_s']:.1f})" for kind in names)
    lines.append("| **all, with imports** | " + " | ".join(totals) + " |")
    lines += [
        f"| {label} | " + " | ".join(_shown(runs[kind])[label] for kind in names) + " |" for label in _shown(runs[FULL])
    ]
    parts = [
        "# Whole training runs on Online Retail",
        "The steps of `clickloop train` and of `clickloop train --warm` on the demo's year, each run in a process of "
        "its own on one core, without Prefect's server and the biases that follow a promotion. A stage holds the "
        "imports that it is the first to need: of a warm run, `collect` has TensorFlow's and MLflow's too. "
        f"Command: `{COMMAND}`.",
        f"A warm run takes **{result['ratio']:.2f}** of a full one's CPU seconds ({details['wall_ratio']:.2f} by the "
        f"clock), the day after the champion's {details['nightly_ratio']:.2f}.",
        "\n".join(lines),
    ]
    path = directory / "warm_run.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def _shown(one: dict[str, Any]) -> dict[str, str]:
    """What is told of a run below its seconds."""
    ndcg = one["ndcg_at_10"]
    return {
        "moments joined": f"{one['joined']} of {one['moments']}",
        "NDCG@10, two-tower": f"{ndcg['two_tower']:.4f}",
        "NDCG@10, with ranker": f"{ndcg['two_tower_ranked']:.4f}" if one["ranker_gain"] else "no ranker",
        "promoted": "yes" if one["promoted"] else "no",
    }


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.warm_run", description=__doc__)
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "DAYS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    configure_logging("bench")
    if arguments.measure is not None:
        kind, days = arguments.measure
        print(json.dumps(measure(load_settings(), kind, int(days))))
        return
    result = run(load_settings())
    record(result, command=COMMAND)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
