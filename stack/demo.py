"""`make demo`: from nothing to a shop that reorders itself after a click."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from rich.console import Console

from contracts.settings import load_settings
from stack.boot import AFTER_FEAST, Boot
from stack.jobs import JobRunner
from stack.programs import services
from stack.setup import prepare_home
from stack.stages import Stages
from stack.status import print_addresses
from stack.supervisor import Supervisor
from stack.up import end_all, interruptible, wait

VISITORS = 20


def run(*, once: bool) -> None:
    """Start, fill, train, prove; then wait for Ctrl-C, or stop at once. Raises StackError."""
    console = Console(stderr=True)
    settings = prepare_home(load_settings())
    supervisor = Supervisor(settings)
    jobs = JobRunner(settings)
    with interruptible():
        supervisor.require_stopped()
        try:
            with Stages(console) as stages:
                boot = Boot(settings, supervisor, jobs, stages)
                _bring_up(boot)
                proof = _prove(boot)
        except BaseException:
            end_all(supervisor, jobs, console)
            raise
        console.print(stages.table())
        console.print(proof)
        print_addresses(settings, console)
        if once:
            end_all(supervisor, jobs, console)
        else:
            wait(settings, supervisor, jobs, console)


def _bring_up(boot: Boot) -> None:
    """Light processes boot while Feast is applied; the worker starts once the backfill has left the states alone."""
    boot.begin(leashed_to_us=True)
    early = {program.name for program in services(boot.settings)} - AFTER_FEAST
    with ThreadPoolExecutor(max_workers=3) as pool:
        boot.servers()
        light = pool.submit(boot.services, early)
        boot.apply()
        boot.job("backfill", "Backfill: a year of purchases")
        streams = pool.submit(boot.services, AFTER_FEAST)
        boot.job("train", "Train and promote")
        light.result()
        streams.result()


def _prove(boot: Boot) -> object:
    from stack.prove import prove, table

    with boot.stages.stage("Prove the loop") as progress:
        return table(prove(boot.settings, visitors=VISITORS, progress=progress))
