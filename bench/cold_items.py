"""Items that no model was told of, placed by content alone, beside popularity: `python -m bench.cold_items`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from bench.quality.archives import VARIABLE, data_folder
from bench.quality.cold import CHANCE, K
from bench.quality.cold_films import measure_films
from bench.quality.cold_retail import BY_CONTENT, WINDOW_DAYS, measure_retail
from bench.quality.online_retail import own_lake
from bench.quality.report import with_interval
from bench.quality.settings import LOADERS, read_config
from bench.record import RESULTS, record
from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from training.collect import collect
from training.config import TrainingConfig

COMMAND = "clickloop bench cold-items --json"
_FILMS = "ml-100k"
_LAST, _BEFORE = (0,), (1, 2, 3, 4)


def run(settings: Settings, *, tuning: bool = False) -> dict[str, Any]:
    """Recall@10 among the hidden items of Online Retail; the newest ones and MovieLens in the details.

    Floor: popularity, which has counted none of them. `tuning` measures the four windows before, where settings were
    chosen, and other films.
    MovieLens is left out without `CLICKLOOP_DATA`. The table is written too, but not for tuning.
    """
    config = TrainingConfig()
    with own_lake(settings) as own:
        collected = collect(own, config)
        retail = {
            f"Online Retail, {name}" + (f", {back} windows back" if back else ""): table
            for back in (_BEFORE if tuning else _LAST)
            for name, table in measure_retail(collected.dataset, collected.content, config, back=back).items()
        }
    tables = dict(retail)
    if os.environ.get(VARIABLE):
        tables[f"{_FILMS}, a tenth of the films, hidden from the fit"] = measure_named(_FILMS, tuning=tuning)
    shown = list(retail.values())[-1]["rows"]
    result = {
        "bench": "cold_items",
        "figure": round(shown[BY_CONTENT]["recall"], 4),
        "unit": f"Recall@{K} among hidden items of Online Retail, by content alone",
        "floor": round(shown[CHANCE]["recall"], 4),
        "floor_unit": f"Recall@{K} of popularity at the split",
        "ratio": round(shown[BY_CONTENT]["times_chance"], 2),
        "details": {"window_days": WINDOW_DAYS, "tables": tables},
    }
    if not tuning:
        write_report(result)
    return result


def measure_named(dataset: str, *, tuning: bool = False, checkpoint: Path | None = None) -> dict[str, Any]:
    """The table of a MovieLens data set; for tuning with another tenth of its films."""
    config = read_config(dataset)
    data = LOADERS[dataset](data_folder())
    return measure_films(data, config.sequence, seed=config.seed + int(tuning), checkpoint=checkpoint)


def write_report(result: dict[str, Any], directory: Path = RESULTS) -> Path:
    """`cold_items.md`; returns its path."""
    parts = [
        "# Cold items",
        "Items of which the fit saw no event, ranked among themselves for whoever then chose one. Brackets hold 95% "
        f"intervals, bootstrapped over users. Command: `CLICKLOOP_DATA=... {COMMAND}`.",
    ]
    for name, table in result["details"]["tables"].items():
        parts += [f"## {name}", f"{table['items']} items, {table['cases']} cases.", _markdown(table["rows"])]
    path = directory / "cold_items.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def _markdown(rows: dict[str, dict[str, float]]) -> str:
    lines = [f"| Model | Recall@{K} | NDCG@{K} | Recall over that of popularity at the split |", "|---|---|---|---|"]
    for model, row in sorted(rows.items(), key=lambda item: -item[1]["recall"]):
        cells = [with_interval(row, "recall"), with_interval(row, "ndcg")]
        times = f"{row['times_chance']:.2f} [{row['times_low']:.2f}, {row['times_high']:.2f}]"
        lines.append(f"| {model} | " + " | ".join((*cells, times)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_items", description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for likeness; the last line always is JSON")
    parser.add_argument("--tuning", action="store_true", help="the four windows before, other films; nothing is kept")
    arguments = parser.parse_args()
    configure_logging("bench")
    result = run(load_settings(), tuning=arguments.tuning)
    if not arguments.tuning:
        record(result, command=COMMAND)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
