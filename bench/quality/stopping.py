"""Early stopping against the fixed number of epochs: `python -m bench.quality --tries stopping`."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from bench.quality.fortnight import Fortnight, fortnights_before
from contracts.settings import Settings
from training.collect import collect
from training.config import StoppingConfig, TrainingConfig
from training.evaluation import Result
from training.fit import fit_towers
from training.fitted import export
from training.past import Past
from training.watch import Watch, watched_rows

EVERYTHING, STOPPED, AGAIN = (
    "every epoch, on everything",
    "stopped, without the watched",
    "as many epochs, on everything",
)
WHOLE = "stopped, without the whole fortnight"
_FORTNIGHTS = 3


def try_stopping(settings: Settings) -> dict[str, Any]:
    """NDCG@10 of the three fortnights before the holdout: all epochs, stopped by a fifth of the visitors' last moments,
    and fitted again to everything for the best number of epochs, as `clickloop train --watch` does.

    On the newest of them also stopped by all of the last moments.
    """
    config = TrainingConfig()
    collected = collect(settings, config)
    fortnights = fortnights_before(collected, config, count=_FORTNIGHTS)
    tried = [_stopped(fortnight, whole=not place) for place, fortnight in enumerate(fortnights)]
    means = {name: sum(one["rows"][name]["ndcg_at_10"] for one in tried) / len(tried) for name in (EVERYTHING, AGAIN)}
    return {
        "bench": "quality_online_retail_stopping",
        "figure": round(means[AGAIN], 4),
        "unit": "NDCG@10 with early stopping, mean of three validation fortnights",
        "floor": round(means[EVERYTHING], 4),
        "floor_unit": "the same for a fixed number of epochs",
        "ratio": round(means[AGAIN] / means[EVERYTHING], 3),
        "details": {"epochs": config.tower.epochs, "stopping": asdict(StoppingConfig()), "fortnights": tried},
    }


def _stopped(fortnight: Fortnight, *, whole: bool) -> dict[str, Any]:
    config = fortnight.config
    everything = fortnight.measured(fortnight.fitted(fortnight.fit_set, config))
    stopped, curve = _watched(fortnight, StoppingConfig())
    best = min(curve, key=lambda epoch: epoch["validation_loss"])["number"]
    again = fortnight.fitted(fortnight.fit_set, replace(config, tower=replace(config.tower, epochs=best)))
    rows = {EVERYTHING: fortnight.row(everything)}
    rows |= {STOPPED: fortnight.row(stopped, everything), AGAIN: fortnight.row(fortnight.measured(again), everything)}
    if whole:
        rows[WHOLE] = fortnight.row(_watched(fortnight, StoppingConfig(share=1.0))[0], everything)
    return {"cases": len(fortnight.holdout.test), "best_epoch": best, "rows": rows, "curve": curve}


def _watched(fortnight: Fortnight, stopping: StoppingConfig) -> tuple[Result, list[dict[str, Any]]]:
    """The best epoch's towers of a fit without the moments that watch it, and its curve."""
    config, cutoff_us, fit_set = fortnight.config, fortnight.holdout.cutoff_us, fortnight.fit_set
    rows = watched_rows(fit_set, cutoff_us, stopping)
    watch = Watch(fit_set, rows, stopping, k=config.k, exponent=config.tower.basket_exponent)
    model = fit_towers(fit_set, fortnight.content, cutoff_us, config.tower, lambda epoch, loss: None, watch)
    arrays = export(model, Past.of(fit_set, cutoff_us), fortnight.content, ()).arrays
    return fortnight.measured(arrays), [asdict(epoch) for epoch in watch.curve]


def stopping_table(result: dict[str, Any]) -> str:
    """Markdown: a row a way, a column a fortnight, the newest first."""
    fortnights = result["details"]["fortnights"]
    best = ", ".join(str(one["best_epoch"]) for one in fortnights)
    lines = [
        f"NDCG@10, and its gain over {result['details']['epochs']} epochs on everything with the 95% interval over "
        f"visitors, on the three fortnights before the holdout, the newest first; best epochs {best}.",
        "",
        "| Fit | " + " | ".join(f"{one['cases']} cases" for one in fortnights) + " |",
        "|---|" + "---|" * len(fortnights),
    ]
    lines += [
        f"| {way} | " + " | ".join(_cell(one["rows"].get(way)) for one in fortnights) + " |"
        for way in (EVERYTHING, STOPPED, AGAIN, WHOLE)
    ]
    return "\n".join(lines)


def _cell(row: dict[str, float] | None) -> str:
    if row is None:
        return ""
    figure = f"{row['ndcg_at_10']:.4f}"
    return figure + (
        f" ({row['gain']:+.4f} [{row['gain_low']:+.4f}, {row['gain_high']:+.4f}])" if "gain" in row else ""
    )
