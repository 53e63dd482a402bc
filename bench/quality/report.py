"""A data set's result as Markdown and plots, beside its JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.record import RESULTS

_COLUMNS = ("coverage", "diversity", "novelty", "popularity")


def with_interval(row: dict[str, float], name: str) -> str:
    """A figure and its 95% interval, as tables show it."""
    return f"{row[name]:.4f} [{row[f'{name}_low']:.4f}, {row[f'{name}_high']:.4f}]"


def write_report(result: dict[str, Any], *, command: str, directory: Path = RESULTS) -> Path:
    """`<bench>.md`, with the plots that `bench.quality.plots` draws; returns its path."""
    details, name = result["details"], result["bench"]
    k = details["k"]
    parts = [
        f"# Quality on {name.removeprefix('quality_')}",
        f"{details['split'].capitalize()}: {details['cases']} cases, models learn from "
        f"{details['events_to_learn_from']} events, every candidate is ranked, seen items are left out. "
        f"Brackets hold 95% intervals, bootstrapped over users. Command: `{command}`.",
        details["note"],
        _table(details["table"], k),
        _gain(details["gain"]),
        _checked(details["furthest_from_libraries"]),
    ]
    if details["published"]:
        parts += ["## Published by others, on the same file (not measured here)", _published(details["published"], k)]
    for who, rows in details["cold_users"].items():
        parts += [f"## Cold users: {who}", _newcomers(rows, k)]
    parts += ["## By slice", f"NDCG@{k}.", _slices(details["ndcg_by_slice"])]
    parts += ["## How the opponents were tuned", _opponents(details["opponents"])]
    parts += [f"![NDCG by model]({name}.svg)"]
    parts += [f"![The fit's curve]({name}_curve.svg)"] if _measured_epochs(details["curve"]) else []
    path = directory / f"{name}.md"
    path.write_text("\n\n".join(part for part in parts if part) + "\n")
    return path


def draw(result: dict[str, Any], directory: Path = RESULTS) -> None:
    """The bars of the table with their intervals and, of a fit, validation by epoch; as SVG."""
    from matplotlib.figure import Figure

    details, name = result["details"], result["bench"]
    rows = sorted(details["table"].items(), key=lambda item: item[1]["ndcg"])
    figure = Figure(figsize=(7, 0.4 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    values = [row["ndcg"] for _, row in rows]
    spread = [[row["ndcg"] - row["ndcg_low"] for _, row in rows], [row["ndcg_high"] - row["ndcg"] for _, row in rows]]
    axes.barh([model for model, _ in rows], values, xerr=spread, color="#4472a8", error_kw={"elinewidth": 1})
    axes.set_xlabel(f"NDCG@{details['k']}, {details['split']}")
    _save(figure, directory / f"{name}.svg")
    curve = _measured_epochs(details["curve"])
    if curve:
        figure = Figure(figsize=(7, 3), layout="constrained")
        axes = figure.subplots()
        axes.plot([row["epoch"] for row in curve], [row["ndcg_at_10"] for row in curve], marker=".")
        axes.set_xlabel("epoch")
        axes.set_ylabel("NDCG@10 on validation")
        _save(figure, directory / f"{name}_curve.svg")


def _save(figure: Any, path: Path) -> None:
    import matplotlib

    # The same result gives the same file.
    with matplotlib.rc_context({"svg.hashsalt": "clickloop"}):
        figure.savefig(path, metadata={"Date": None})


def _measured_epochs(curve: list[dict[str, float]]) -> list[dict[str, float]]:
    return [row for row in curve if "ndcg_at_10" in row]


def _table(table: dict[str, dict[str, float]], k: int) -> str:
    lines = [
        f"| Model | Recall@{k} | NDCG@{k} | MRR@{k} | Coverage | Diversity | Novelty (bits) | Mean popularity |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for model, row in sorted(table.items(), key=lambda item: -item[1]["ndcg"]):
        ranges = [with_interval(row, one) for one in ("recall", "ndcg")]
        cells = [*ranges, f"{row['mrr']:.4f}", *(f"{row[one]:.4g}" if one in row else "" for one in _COLUMNS)]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _gain(gain: dict[str, Any]) -> str:
    if not gain:
        return ""
    ranges = [
        f"{one} {gain[one]['mean']:+.4f} [{gain[one]['low']:+.4f}, {gain[one]['high']:+.4f}]"
        for one in ("recall", "ndcg")
    ]
    return f"{gain['best']} over {gain['second']}, case by case: {', '.join(ranges)}."


def _checked(furthest: dict[str, dict[str, float]]) -> str:
    parts = [
        f"{library} ({', '.join(figures)}) to {max(figures.values()):.0e}" for library, figures in furthest.items()
    ]
    return (
        f"The same lists measured by other libraries agree with every figure above: {'; '.join(parts)}."
        if parts
        else ""
    )


def _published(rows: list[dict[str, Any]], k: int) -> str:
    lines = [f"| Model | Recall@{k} | NDCG@{k} | From |", "|---|---|---|---|"]
    lines += [f"| {row['model']} | {row['recall']:.3f} | {row['ndcg']:.3f} | {row['source']} |" for row in rows]
    return "\n".join(lines)


def _newcomers(rows: dict[str, dict[str, float]], k: int) -> str:
    lines = [f"| Model | Recall@{k} | NDCG@{k} |", "|---|---|---|"]
    lines += [
        f"| {model} | {row['recall']:.4f} | {with_interval(row, 'ndcg')} |"
        for model, row in sorted(rows.items(), key=lambda item: -item[1]["ndcg"])
    ]
    return "\n".join(lines)


def _slices(slices: dict[str, dict[str, float]]) -> str:
    models = [name for name in next(iter(slices.values())) if name != "cases"]
    lines = ["| Slice | Cases | " + " | ".join(models) + " |", "|---|---|" + "---|" * len(models)]
    for name, row in slices.items():
        lines.append(f"| {name} | {row['cases']:.0f} | " + " | ".join(f"{row[model]:.4f}" for model in models) + " |")
    return "\n".join(lines)


def _opponents(reports: dict[str, dict[str, Any]]) -> str:
    lines = ["| Model | Library | Settings tried | Chosen | Tuning NDCG | Seconds |", "|---|---|---|---|---|---|"]
    for name, report in reports.items():
        chosen = report["chosen"]
        settings = ", ".join(f"{key} {value}" for key, value in (chosen["fit"] | chosen["score"]).items()) or "none"
        cells = (name, report["library"], report["tried"], settings, f"{chosen['ndcg']:.4f}", report["seconds"])
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
