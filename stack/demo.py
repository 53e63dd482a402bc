"""`make demo`: from nothing to a shop that reorders itself after a click."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Console

from contracts.settings import load_settings
from stack.boot import AFTER_FEAST, Boot
from stack.jobs import JobRunner
from stack.observer import Observer
from stack.programs import served_model, services
from stack.prove import prove, require_changed, table
from stack.setup import prepare_home
from stack.stages import Stages
from stack.status import print_addresses
from stack.supervisor import Supervisor, SupervisorError
from stack.up import end_all, interruptible, wait

VISITORS = 20
TAKE_UP_S = 15.0


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
                proof = _prove(boot, _bring_up(boot))
        except BaseException:
            end_all(supervisor, jobs, console)
            raise
        console.print(stages.table())
        console.print(table(proof))
        print_addresses(settings, console)
        if once:
            end_all(supervisor, jobs, console)
        else:
            wait(settings, supervisor, jobs, console)


def _bring_up(boot: Boot) -> Observer:
    """Light processes boot while Feast is applied; the worker starts once the backfill has left the states alone."""
    boot.begin(leashed_to_us=True)
    early = {program.name for program in services(boot.settings)} - AFTER_FEAST
    with ThreadPoolExecutor(max_workers=3) as pool:
        boot.servers()
        light = pool.submit(boot.services, early)
        boot.apply()
        boot.job("backfill", "Backfill: a year of purchases")
        streams = pool.submit(boot.services, AFTER_FEAST)
        observer = pool.submit(Observer, boot.settings)
        _say(boot, boot.job("train", "Train and promote"))
        light.result()
        streams.result()
        if not _model_taken_up(boot):
            _say(boot, boot.job("train", "Train again: the service cannot read the champion", again=True))
            if not _model_taken_up(boot):
                raise SupervisorError(f"serving has taken up no model; see {boot.settings.logs_dir / 'serving.log'}")
        return observer.result()


def _model_taken_up(boot: Boot) -> bool:
    """Whether the service answers with a model within a few of its looks at the champion."""
    deadline = time.monotonic() + TAKE_UP_S
    while served_model(boot.settings) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _say(boot: Boot, decision: Any) -> None:
    """One line of what training decided, one of what it rests on."""
    if decision is None:
        return
    lines = [f"model {decision['version']}: {decision['reason']}"]
    recalls = [f"{name} {found['recall_at_10']:.3f}" for name, found in decision.get("metrics", {}).items()]
    if recalls:
        lines.append(f"Recall@10 on the holdout: {', '.join(recalls)}")
    for line in lines:
        boot.stages.console.print(f"    {line}", markup=False, highlight=False)


def _prove(boot: Boot, observer: Observer) -> dict[str, Any]:
    with boot.stages.stage("Prove the loop") as progress:
        proof = prove(boot.settings, visitors=VISITORS, progress=progress, observer=observer)
    require_changed(proof)
    return proof
