"""`clickloop prove | bench | top`."""

from __future__ import annotations

from typing import Annotated

import typer

BENCHMARKS = (
    "freshness",
    "recommend",
    "collector",
    "worker",
    "backfill",
    "rebuild",
    "state-size",
    "kills",
    "scaling",
    "quality",
    "join",
    "tower",
    "warm-start",
    "warm-run",
    "online-biases",
    "training-memory",
    "ranking",
    "cold-items",
)
JSON_HELP = "One line of JSON on standard output."


def prove(
    *,
    visitors: Annotated[int, typer.Option(min=1, help="How many visitors click, one after another.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Click as a browser would and time how long the next recommendation takes to change, stage by stage."""
    from stack.commands.running import run_prove

    run_prove(visitors=visitors, as_json=as_json)


def bench(
    name: Annotated[str, typer.Argument(help=f"{', '.join(BENCHMARKS)}, or all")],
    dataset: Annotated[
        str | None, typer.Argument(help="of quality: online_retail (the demo's), ml-1m, ml-1m-ids, ml-100k or deskdrop")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The last line is the figure as JSON.")] = False,
) -> None:
    """Measure one figure beside its floor or opponent in the same run."""
    from stack.commands.running import run_bench

    run_bench(name, dataset, as_json=as_json)


def top(
    *,
    once: Annotated[bool, typer.Option("--once", help="One frame, then exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON, then exit.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two frames.")] = 1.0,
    worker: Annotated[list[str] | None, typer.Option(help="A worker's host:port; as often as there are.")] = None,
) -> None:
    """Show lag by partition, rates, delays, and what is late, repeated, refused or a bot's, live until Ctrl-C."""
    from stack.top import show

    show(once=once, as_json=as_json, every_s=every, workers=worker or ())


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (prove, bench, top):
        app.command()(command)
