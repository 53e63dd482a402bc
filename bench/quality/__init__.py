"""Recommendation quality, a data set at a time: `python -m bench.quality DATASET`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contracts.settings import Settings

ONLINE_RETAIL = "online_retail"
DATASETS = (ONLINE_RETAIL, "ml-1m", "ml-1m-ids", "ml-100k", "deskdrop")


def run(settings: Settings, dataset: str = ONLINE_RETAIL) -> dict[str, Any]:
    """What `clickloop bench quality DATASET` measures; Online Retail by the present home's lake.

    Raises LookupError for another data set, or where `CLICKLOOP_DATA` does not lead to its file.
    """
    if dataset not in DATASETS:
        raise LookupError(f"expected one of {', '.join(DATASETS)}, came {dataset}")
    if dataset == ONLINE_RETAIL:
        from bench.quality import online_retail

        return online_retail.run(settings)
    from bench.quality.experiment import Options, run_named

    return run_named(dataset, Options())
