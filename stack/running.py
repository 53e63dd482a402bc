"""The whole stack for the length of a measurement: the one that runs, else one that is started and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from contracts.settings import Settings
from stack.boot import Boot
from stack.errors import StackError
from stack.jobs import JobRunner, champion_version
from stack.stages import Stages
from stack.supervisor import Supervisor
from stack.up import end_all, interruptible


@contextmanager
def running_stack(settings: Settings) -> Iterator[None]:
    """All processes are up within the block. Raises StackError without a trained model."""
    if champion_version(settings) is None:
        raise StackError(f"expected a model in {settings.model_dir}, got none. Run: make demo ONCE=1")
    supervisor, jobs = Supervisor(settings), JobRunner(settings)
    if supervisor.pid() is not None:
        yield
        return
    console = Console(stderr=True)
    with interruptible():
        try:
            with Stages(console) as stages:
                Boot(settings, supervisor, jobs, stages).all(leashed_to_us=True)
            yield
        finally:
            end_all(supervisor, jobs, console)
