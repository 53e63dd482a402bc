"""`clickloop load | backfill | replay`."""

from __future__ import annotations

from typing import Annotated

import typer


def load() -> None:
    """Send the catalogue's year of real purchases through Kafka as events with their own timestamps."""
    from stack.commands.running import run_job

    run_job("load", "Load purchases")


def backfill(
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Drop the states that are there and start over.")] = False,
) -> None:
    """Build states, online rows and history from the purchases through the same fold, without Kafka."""
    from stack.commands.running import run_backfill

    run_backfill(replace=replace)


def replay(
    *,
    where: Annotated[str, typer.Option(help="Keep to events whose reason contains this.")] = "",
) -> None:
    """Send what lies in events.rejected, once fixed, back to events."""
    from stack.commands.running import run_replay

    run_replay(where=where)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (load, backfill, replay):
        app.command()(command)
