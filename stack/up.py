"""`clickloop up` and `clickloop down`."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from contracts.settings import Settings, load_settings
from stack.boot import Boot
from stack.jobs import JobRunner
from stack.setup import prepare_home
from stack.stages import Stages
from stack.status import print_addresses
from stack.supervisor import Supervisor

WATCH_S = 0.5


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, and SIGINT does even where a shell had it ignored.

    A SIGHUP that is ignored stays so: that is what `nohup` asks for.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(*, detach: bool) -> None:
    """Start everything; wait for Ctrl-C unless `detach`. Raises StackError when anything does not come up."""
    console = Console(stderr=True)
    settings = prepare_home(load_settings())
    supervisor = Supervisor(settings)
    jobs = JobRunner(settings)
    with interruptible():
        supervisor.require_stopped()
        try:
            with Stages(console) as stages:
                Boot(settings, supervisor, jobs, stages).all(leashed_to_us=not detach)
        except BaseException:
            end_all(supervisor, jobs, console)
            raise
        print_addresses(settings, console)
        if not detach:
            wait(settings, supervisor, jobs, console)


def wait(settings: Settings, supervisor: Supervisor, jobs: JobRunner, console: Console) -> None:
    """Stay until Ctrl-C or until `clickloop down` has stopped the stack elsewhere."""
    console.print("Ctrl-C stops everything; so does `clickloop down` from elsewhere.", markup=False)
    try:
        while supervisor.pid() is not None:
            time.sleep(WATCH_S)
        console.print("Stopped from elsewhere.")
    except KeyboardInterrupt:
        end_all(supervisor, jobs, console)


def end_all(supervisor: Supervisor, jobs: JobRunner, console: Console) -> None:
    """Stop jobs and processes; a second Ctrl-C does not cut it short."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with console.status("Stopping …") as line:
            jobs.stop()
            supervisor.stop(lambda names: line.update(f"Stopping: {', '.join(names) or 'supervisor'}"))
        console.print("Everything is stopped.")
    finally:
        signal.signal(signal.SIGINT, before)


def stop() -> None:
    """Stop what runs in the home folder."""
    console = Console(stderr=True)
    settings = load_settings()
    with console.status("Stopping …") as line:
        ran = Supervisor(settings).stop(lambda names: line.update(f"Stopping: {', '.join(names) or 'supervisor'}"))
    console.print("Everything is stopped." if ran else f"Nothing runs in {settings.home}.")
