"""`clickloop load | catalogue | backfill | rebuild | replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def load() -> None:
    """Send the catalogue's year of real purchases through Kafka as events with their own timestamps."""
    from stack.commands.running import run_job

    run_job("load", "Load purchases")


def catalogue(
    file: Annotated[
        Path | None, typer.Argument(help="*.parquet, *.csv or *.jsonl of item_id, name, price, category, brand.")
    ] = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Items that the file does not have are gone.")] = False,
    show: Annotated[str, typer.Option(help="Print what the catalogue says of this item.")] = "",
) -> None:
    """Send new and changed items of a file to the topic items; features and answers follow without a restart."""
    from stack.commands.running import run_catalogue, run_show_item

    if (file is None) == (not show):
        raise typer.BadParameter("expected either a FILE or --show ITEM")
    if file is None:
        run_show_item(show)
    else:
        run_catalogue(file, replace=replace)


def backfill(
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Drop the states that are there and start over.")] = False,
) -> None:
    """Build states, online rows and history from the purchases through the same fold, without Kafka."""
    from stack.commands.running import run_backfill

    run_backfill(replace=replace)


def rebuild(
    *,
    history: Annotated[
        bool, typer.Option("--history", help="Make the lake's feature history anew as well, for a new feature's past.")
    ] = False,
) -> None:
    """Make all states and features anew from the lake while the old ones serve, follow Kafka, and switch at once."""
    from stack.commands.running import run_rebuild

    run_rebuild(history=history)


def replay(
    *,
    where: Annotated[str, typer.Option(help="Keep to events whose reason contains this.")] = "",
) -> None:
    """Send what lies in events.rejected, once fixed, back to events."""
    from stack.commands.running import run_replay

    run_replay(where=where)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (load, catalogue, backfill, rebuild, replay):
        app.command()(command)
