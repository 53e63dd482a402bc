"""Cleaning rules and poorer histories, one change at a time: `python -m bench.quality --tries cleaning`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.quality.archives import VARIABLE, data_folder
from bench.quality.fortnight import Fortnight, fortnights_before
from contracts.settings import Settings
from features.instant import DAY_US
from privacy.pseudonym import Pseudonymizer
from shop.clean import read_source
from streaming.history import purchases_path
from training.cleaning import outlying_moments, returned
from training.collect import collect
from training.config import CleaningConfig, TrainingConfig
from training.dataset import Dataset, Longs, Ragged
from training.evaluation import Result

AS_CHOSEN, RETURNS, ANOTHER_SEED = "as chosen", "what came back whole within 30 days left out", "seed 8"
SOURCE = "online_retail_2009_2010.parquet"
_RULES: dict[str, dict[str, Any]] = {
    "baskets beyond 3 robust deviations left out": {"basket_deviations": 3.0},
    "baskets beyond 2 left out": {"basket_deviations": 2.0},
    "visitors beyond 2.5 by volume left out": {"profile_deviations": 2.5},
}
_TOWERS: dict[str, dict[str, Any]] = {
    "histories cropped, one in five": {"crop_share": 0.2},
    "histories cropped, one in two": {"crop_share": 0.5},
    "moments hidden, one in five": {"mask_share": 0.2},
    ANOTHER_SEED: {"seed": 8},
}


def try_cleaning(settings: Settings) -> dict[str, Any]:
    """NDCG@10 of the fortnight before the holdout by change; what is measured is the same, rules take from fits alone.

    Returns are in the source of the demo's data and not in the data: they are left out without `CLICKLOOP_DATA`.
    """
    config = TrainingConfig()
    collected = collect(settings, config)
    fortnight = fortnights_before(collected, config, count=1)[0]
    rows: dict[str, dict[str, Any]] = {}
    first: Result | None = None
    for name, fit_set, changed, takes in _changes(settings, fortnight):
        result = fortnight.measured(fortnight.fitted(fit_set, changed))
        rows[name] = fortnight.row(result, first) | {"takes": takes}
        first = first or result
    rows[AS_CHOSEN]["takes"] = ", ".join(f"{step.rule} {step.dropped:,}" for step in collected.cleaning.steps)
    best = max((name for name in rows if name != AS_CHOSEN), key=lambda name: rows[name]["ndcg_at_10"])
    return {
        "bench": "quality_online_retail_cleaning",
        "figure": round(rows[AS_CHOSEN]["ndcg_at_10"], 4),
        "unit": "NDCG@10 as chosen, on the fortnight before the holdout",
        "floor": round(rows[best]["ndcg_at_10"], 4),
        "floor_unit": f"NDCG@10 of the best other: {best}",
        "ratio": round(rows[AS_CHOSEN]["ndcg_at_10"] / rows[best]["ndcg_at_10"], 3),
        "details": {"cases": len(fortnight.holdout.test), "rows": rows},
    }


def _changes(settings: Settings, fortnight: Fortnight) -> Iterator[tuple[str, Dataset, TrainingConfig, str]]:
    """Each change by name: what is fitted to, by which configuration, and what was taken from it."""
    fit_set, config = fortnight.fit_set, fortnight.config
    yield AS_CHOSEN, fit_set, config, ""
    if os.environ.get(VARIABLE):
        key = settings.secrets.pseudonym_key.get_secret_value()
        lines = returned_lines(purchases_path(settings), data_folder() / SOURCE, CleaningConfig().return_days or 0.0)
        kept = without_lines(fit_set, as_served(lines, fortnight.dataset, purchases_path(settings), key))
        yield RETURNS, kept, config, f"{len(lines):,} lines, {len(fit_set) - len(kept)} moments"
    for name, rule in _RULES.items():
        cleaning = replace(config.cleaning, **rule)
        out, taken = outlying_moments(fit_set.users, fit_set.purchased.lengths, cleaning)
        yield name, fit_set.take(np.flatnonzero(~out)), config, f"{sum(step.dropped for step in taken):,} moments"
    for name, changes in _TOWERS.items():
        yield name, fit_set, replace(config, tower=replace(config.tower, **changes)), ""


def returned_lines(purchases: Path, source: Path, days: float) -> pd.DataFrame:
    """Lines (customer_id, timestamp, item_id) of the demo's purchases that came back whole, by the source's returns."""
    bought = pq.read_table(purchases)
    bought = bought.rename_columns(["profile_id" if name == "customer_id" else name for name in bought.column_names])
    back = read_source(source)
    back = back[back.invoice.str.startswith("C") & (back.quantity < 0) & back.customer_id.notna()]
    refunds = pa.table(
        {
            "profile_id": pa.array(back.customer_id.astype(str)),
            "timestamp": pa.array(back.timestamp),
            "item_id": pa.array(back.item_id),
            "quantity": pa.array(-back.quantity),
        }
    )
    out = returned(bought, refunds, within_us=round(days * DAY_US))
    # A moment keeps an article that another of its lines did not give back.
    lines = bought.select(["profile_id", "timestamp", "item_id"]).to_pandas()
    gone, kept = lines[out], pd.MultiIndex.from_frame(lines[~out])
    found: pd.DataFrame = gone[~pd.MultiIndex.from_frame(gone).isin(kept)]
    return found.rename(columns={"profile_id": "customer_id"})


def as_served(lines: pd.DataFrame, dataset: Dataset, purchases: Path, key: str) -> set[tuple[str, int, str]]:
    """The lines as (profile, instant in microseconds, item) of the lake, whose year was moved by whole days."""
    pseudonyms = Pseudonymizer(key)
    names = {customer: pseudonyms.user(customer) for customer in lines.customer_id.unique()}
    last_us = int(pq.read_table(purchases)["timestamp"].cast(pa.int64()).to_numpy().max())
    moved_us = round((int(dataset.at_us.max()) - last_us) / DAY_US) * DAY_US
    at_us = lines.timestamp.dt.as_unit("us").astype(np.int64) + moved_us
    return set(zip(lines.customer_id.map(names), at_us.tolist(), lines.item_id, strict=True))


def without_lines(dataset: Dataset, lines: set[tuple[str, int, str]]) -> Dataset:
    """The moments without those of their items, and without those of which nothing is left. Histories stay."""
    items, users, at_us = dataset.vocabulary.items, dataset.users.tolist(), dataset.at_us.tolist()

    def kept(rows: Ragged) -> NDArray[np.bool_]:
        moments = np.repeat(np.arange(len(rows)), rows.lengths).tolist()
        gone = ((users[row], at_us[row], items[item]) in lines for row, item in zip(moments, rows.flat, strict=True))
        return ~np.fromiter(gone, np.bool_, len(rows.flat))

    thinner = replace(
        dataset,
        purchased=dataset.purchased.keep(kept(dataset.purchased)),
        basket=dataset.basket.keep(kept(dataset.basket)),
    )
    left: Longs = np.flatnonzero(thinner.purchased.lengths > 0)
    return thinner.take(left)


def cleaning_table(result: dict[str, Any]) -> str:
    """Markdown, a row a change."""
    lines = [
        f"The fortnight before the holdout, {result['details']['cases']} cases, newcomers among them; gains are over "
        "the first row, case by case, with 95% intervals over visitors. Returns are those of the source, which "
        f"`{VARIABLE}` leads to.",
        "",
    ]
    lines += ["| Change | Takes | NDCG@10 | Recall@10 | Gain in NDCG@10 |", "|---|---|---|---|---|"]
    for name, row in result["details"]["rows"].items():
        gain = f"{row['gain']:+.4f} [{row['gain_low']:+.4f}, {row['gain_high']:+.4f}]" if "gain" in row else ""
        lines.append(f"| {name} | {row['takes']} | {row['ndcg_at_10']:.4f} | {row['recall_at_10']:.4f} | {gain} |")
    return "\n".join(lines)
