"""Tries on Online Retail that have a command of their own, and the page of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.quality.cleaning import cleaning_table, try_cleaning
from bench.quality.stopping import stopping_table, try_stopping
from bench.record import RESULTS
from contracts.settings import Settings

# These are measured beside the whole bench.
SETTINGS = "settings"


@dataclass(frozen=True)
class Try:
    """What measures it on the lake of the settings, and its table in Markdown."""

    title: str
    run: Callable[[Settings], dict[str, Any]]
    table: Callable[[dict[str, Any]], str]


TRIES = {
    "cleaning": Try("Cleaning and poorer histories", try_cleaning, cleaning_table),
    "stopping": Try("Early stopping", try_stopping, stopping_table),
}


def run_tries(settings: Settings, name: str, directory: Path = RESULTS) -> dict[str, Any]:
    """The result of one of TRIES; writes its page too."""
    chosen = TRIES[name]
    result = chosen.run(settings)
    page = f"# {chosen.title}, Online Retail\n\nCommand: `python -m bench.quality --tries {name}`.\n\n"
    (directory / f"{result['bench']}.md").write_text(page + chosen.table(result) + "\n")
    return result
