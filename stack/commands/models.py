"""`clickloop train | promote | rollback | skew`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer


def train() -> None:
    """Train through the Prefect flow; the champion changes only if the new model beats it."""
    from stack.commands.running import run_job

    run_job("train", "Train")


def promote(
    version: Annotated[str, typer.Argument(help="A registered version, as `status` or MLflow names it.")],
) -> None:
    """Make a registered version the champion; serving takes it up by itself."""
    from stack.commands.running import run_promote

    run_promote(version)


def rollback() -> None:
    """Make the previous champion the champion again."""
    from stack.commands.running import run_rollback

    run_rollback()


def skew(
    *,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A UTC day, yesterday where left out.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Answers of the day to check at most.")] = 5_000,
    settle: Annotated[float, typer.Option(min=0, help="Seconds until the lake has an answer's rows for sure.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Hold a day's served features against history, value by value. Exit code 1 where they are not the same."""
    from stack.skew import show

    chosen = None if day is None else day.date()
    if not show(day=chosen, limit=limit, settle_s=settle, as_json=as_json):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (train, promote, rollback, skew):
        app.command()(command)
