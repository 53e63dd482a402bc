"""The registered models, and the card of one."""

from __future__ import annotations

import json

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from contracts.settings import load_settings
from training.card import CARD_FILE, CARD_TEXT_FILE
from training.registry import Listed, listed, read_card

_SHOWN = {"NDCG@10": "two_tower.ndcg_at_10", "Recall@10": "two_tower.recall_at_10", "Gap": "gap.gap"}


def show_models(*, as_json: bool) -> None:
    """Print every version, the newest first."""
    found = listed(load_settings())
    if as_json:
        print(json.dumps([one._asdict() for one in found]))
    elif not found:
        print("no models yet: clickloop train")
    else:
        Console().print(_table(found))


def show_card(version: str, *, as_json: bool) -> None:
    """Print a version's card. Raises UnknownVersion."""
    settings = load_settings()
    if as_json:
        print(json.dumps(json.loads(read_card(settings, version, CARD_FILE))))
    else:
        Console().print(Markdown(read_card(settings, version, CARD_TEXT_FILE)))


def _table(found: list[Listed]) -> Table:
    table = Table("Version", "", "Made", *_SHOWN, "Trouble")
    for one in found:
        figures = [f"{one.metrics[name]:.4f}" if name in one.metrics else "" for name in _SHOWN.values()]
        table.add_row(one.version, "champion" if one.champion else "", one.created_at, *figures, one.error)
    return table
