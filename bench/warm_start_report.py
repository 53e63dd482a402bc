"""The warm starts' table and plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_NAMES = {"full": "full retrain", "warm": "chain of warm starts", "stale": "never retrained"}
_COLOURS = {"full": "#4472a8", "warm": "#c05a2e", "stale": "#888888"}


def write_report(result: dict[str, Any], *, command: str, directory: Path) -> Path:
    """`warm_start.md`; returns its path."""
    details = result["details"]
    rows = details["periods"]
    warm, stale = details["warm_ndcg_ratio"], details["stale_ndcg_ratio"]
    lines = [
        "| Period | Moments before | New items | "
        + " | ".join(f"NDCG@10, {name}" for name in _NAMES.values())
        + " | CPU s, full | CPU s, warm | Wall s, full | Wall s, warm |",
        "|---" * (3 + len(_NAMES) + 4) + "|",
    ]
    for row in rows:
        cells = [str(row["period"]), str(row["moments_before"]), str(row["new_items"])]
        cells += [f"{row['ndcg_at_10'][name]:.4f}" for name in _NAMES]
        cells += [f"{row[name][clock]:.1f}" for clock in ("cpu_s", "wall_s") for name in ("full", "warm")]
        lines.append("| " + " | ".join(cells) + " |")
    parts = [
        "# Warm starts on Online Retail",
        f"{len(rows)} successive periods of {details['period_days']} days. Before each, one model is fitted from "
        "nothing to all that came before, one goes on from the warm model of the period before, and one is left as it "
        "was before the first. All rank every item sold by then for the period's moments. "
        f"Command: `{command}`.",
        f"Warm starts reach **{warm['mean']:.3f}** [{warm['low']:.3f}, {warm['high']:.3f}] of the full retrain's "
        f"NDCG@10 in **{details['cpu_ratio']:.3f}** of its CPU seconds ({details['wall_ratio']:.3f} by the clock, "
        f"median; one core); the model left alone {stale['mean']:.3f} [{stale['low']:.3f}, {stale['high']:.3f}]. "
        "Brackets hold 95% intervals, bootstrapped over users. Seconds are of the whole fit, from the joined data set "
        "to the arrays that serving reads.",
        "\n".join(lines),
        "![NDCG by period](warm_start.svg)",
    ]
    path = directory / "warm_start.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def draw(result: dict[str, Any], directory: Path) -> Path:
    """`warm_start.svg`: NDCG@10 by period, a line a model; returns its path."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = result["details"]["periods"]
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    numbers = [row["period"] for row in rows]
    for name, label in _NAMES.items():
        values = [row["ndcg_at_10"][name] for row in rows]
        axes.plot(numbers, values, marker=".", label=label, color=_COLOURS[name])
    axes.set_xticks(numbers)
    axes.set_xlabel(f"period of {result['details']['period_days']} days")
    axes.set_ylabel("NDCG@10")
    axes.set_ylim(bottom=0.0)
    axes.legend(frameon=False)
    path = directory / "warm_start.svg"
    # The same result gives the same file.
    with matplotlib.rc_context({"svg.hashsalt": "clickloop"}):
        figure.savefig(path, metadata={"Date": None})
    return path
