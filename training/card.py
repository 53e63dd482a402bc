"""The model card: what a model was made of, what it is worth, where it is weak, what it is not for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from training.slices import Slice

CARD_FILE, CARD_TEXT_FILE = "card.json", "card.md"

LIMITS = (
    "Learned from purchases of one shop; it says what is bought next there, and nothing about any other question.",
    "A visitor without any action gets what is popular in their country, not this model.",
    "An item that came after the training stands beside the item whose name it shares most words with.",
    "Offline figures tell how well purchases are foreseen, not what a recommendation brings about.",
    "Country and what was done are the only personal inputs; not for decisions about people (credit, price, work).",
    "Golden requests keep a few real histories, without name, for as long as the model's files stay.",
)


class Data(Struct, frozen=True, kw_only=True):
    """What the model was fitted to and measured on; instants in ISO 8601, `snapshots` of lake tables."""

    moments: int
    visitors: int
    items: int
    begin: str
    cutoff: str
    end: str
    fitted_moments: int
    holdout_moments: int
    snapshots: Mapping[str, int]
    consent: str
    left_out: Mapping[str, int]


class Learning(Struct, frozen=True, kw_only=True):
    """How the fit went: the epochs run, and how far the exported vectors are from the trained ones."""

    epochs: int
    export_difference: float


class ModelCard(Struct, frozen=True, kw_only=True):
    """Metrics and bounds (95% intervals) by model; `served` is the model that the others are there to compare with."""

    name: str
    feature_service: str
    served: str
    data: Data
    configuration: Mapping[str, Any]
    learning: Learning
    metrics: Mapping[str, Mapping[str, float]]
    bounds: Mapping[str, Mapping[str, float]]
    gap: Mapping[str, float]
    slices: list[Slice]
    limits: tuple[str, ...] = LIMITS


def card_files(card: ModelCard) -> dict[str, bytes]:
    """The card for programs and for people, by file name."""
    return {
        CARD_FILE: msgspec.json.format(msgspec.json.encode(card), indent=2),
        CARD_TEXT_FILE: card_text(card).encode(),
    }


def card_text(card: ModelCard) -> str:
    """The card in Markdown."""
    parts = [
        f"# {card.name}",
        f"Two towers over the feature service `{card.feature_service}`; the user's is computed at each request.",
        "## Data",
        _data(card.data),
        "## Figures on the holdout",
        _figures(card),
        "## Training against holdout, of the two towers",
        _gap(card),
        "## Slices, of the two towers",
        _slices(card.slices),
        "## Configuration",
        "\n".join(f"- {name} = {value}" for name, value in card.configuration.items()),
        "## Limits",
        "\n".join(f"- {limit}" for limit in card.limits),
    ]
    return "\n\n".join(parts) + "\n"


def _data(data: Data) -> str:
    lines = [
        f"{data.moments} moments of purchase by {data.visitors} visitors, {data.items} items, from {data.begin} to "
        f"{data.end}.",
        f"Fitted to {data.fitted_moments} before {data.cutoff}, measured on {data.holdout_moments} from there on.",
        f"Consent: {data.consent}.",
        "Left out: " + (", ".join(f"{count} {what}" for what, count in data.left_out.items()) or "nothing") + ".",
        "Snapshots: " + ", ".join(f"{table} {snapshot}" for table, snapshot in data.snapshots.items()) + ".",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _figures(card: ModelCard) -> str:
    names = list(dict.fromkeys(name for row in card.metrics.values() for name in row if not name.endswith(_BOUND)))
    rows = [
        [f"**{model}**" if model == card.served else model, *(_figure(card, model, name) for name in names)]
        for model in card.metrics
    ]
    return _table(["Model", *names], rows) + "\n\nIn brackets: 95% intervals, bootstrapped over visitors."


_BOUND = ("_low", "_high")


def _figure(card: ModelCard, model: str, name: str) -> str:
    if name not in card.metrics[model]:
        return ""
    value = f"{card.metrics[model][name]:.4f}"
    bounds = card.bounds.get(model, {})
    if f"{name}_low" not in bounds:
        return value
    return f"{value} [{bounds[f'{name}_low']:.4f}, {bounds[f'{name}_high']:.4f}]"


def _gap(card: ModelCard) -> str:
    figures = ", ".join(
        f"{name} {value:.4f}" if isinstance(value, float) and not value.is_integer() else f"{name} {value:.0f}"
        for name, value in card.gap.items()
    )
    learned = card.learning
    return (
        f"{figures}. Fitted for {learned.epochs} epochs; the export gives the trained tower's vectors to "
        f"{learned.export_difference:.1e}."
    )


def _slices(parts: Iterable[Slice]) -> str:
    rows = [
        [part.by, part.value, f"{part.count} {part.unit}", f"{part.recall:.4f}", _or_empty(part.ndcg)] for part in parts
    ]
    return _table(["By", "Value", "Count", "Recall", "NDCG"], rows)


def _or_empty(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
