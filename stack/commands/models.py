"""`clickloop train | learn-biases | models | promote | rollback | skew`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer


def train(
    *,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Instead: cross-validate over so many groups of visitors; nothing is promoted."),
    ] = None,
    watch: Annotated[
        bool, typer.Option(help="Find the number of epochs by a fit watched from outside first: twice the time.")
    ] = False,
    warm: Annotated[
        bool, typer.Option("--warm", help="Go on from the champion: a third of the time, on what is new.")
    ] = False,
) -> None:
    """Train through the Prefect flow; the champion changes only if the new model beats it."""
    from stack.commands.running import run_folds, run_job
    from stack.jobs import WARM, WATCH

    if folds is not None:
        run_folds(folds)
    else:
        run_job("train", "Train", {name: "1" for name, wanted in ((WATCH, watch), (WARM, warm)) if wanted})


def learn_biases() -> None:
    """Learn the champion's item biases from what was bought since its cutoff; serving takes them up by itself."""
    from stack.commands.running import run_learn_biases

    run_learn_biases()


def models(
    version: Annotated[str | None, typer.Argument(help="Show this version's card instead.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the registered models, the champion marked, or show one's card."""
    from stack.models import show_card, show_models

    if version is None:
        show_models(as_json=as_json)
    else:
        show_card(version, as_json=as_json)


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
    for command in (train, learn_biases, models, promote, rollback, skew):
        app.command()(command)
