"""`clickloop up | down | status | demo | schedule`."""

from __future__ import annotations

from typing import Annotated

import typer


def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once all is up; stop it with `down`.")] = False,
) -> None:
    """Start Kafka, Redis, collector, worker, lake, service and shop. Ctrl-C stops them all."""
    from stack.up import run

    run(detach=detach)


def down() -> None:
    """Stop everything that `up` or `make demo` started. Fine when nothing runs."""
    from stack.up import stop

    stop()


def status(*, as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False) -> None:
    """Each process with pid, port and health; lag, model version, configuration. Exit code 1 unless all is well."""
    from stack.status import show

    if not show(as_json=as_json):
        raise typer.Exit(1)


def demo(
    *, once: Annotated[bool, typer.Option("--once", help="Prove the loop, stop everything, exit.")] = False
) -> None:
    """From nothing to a shop that reorders itself after a click."""
    from stack.demo import run

    run(once=once)


def schedule(
    *, port: Annotated[int, typer.Option(min=1, max=65535, help="Of Prefect's server and its page.")] = 4200
) -> None:
    """Run what `prefect.yaml` schedules: nightly training and checks, item biases. Ctrl-C stops it."""
    from stack.schedule import run

    run(port=port)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, demo, schedule):
        app.command()(command)
