"""`clickloop train | promote | rollback`."""

from __future__ import annotations

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


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (train, promote, rollback):
        app.command()(command)
