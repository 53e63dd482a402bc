"""What the data, model and measuring commands do once they are called."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import to_builtins
from rich.console import Console

from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from stack.commands.measure import BENCHMARKS
from stack.errors import StackError
from stack.jobs import FOLDS, HISTORY, REPLACE, JobRunner, champion_version
from stack.kafka_server import kafka_ready
from stack.programs import kafka_address, redis_address, services
from stack.redis_server import redis_ready
from stack.setup import prepare_home
from stack.stages import Stages
from stack.supervisor import Supervisor
from stack.up import interruptible

_SHOWN_ROWS = 10


def require_servers(settings: Settings) -> None:
    """Raises StackError where Kafka or Redis does not answer."""
    host, port = redis_address(settings)
    if not redis_ready(port, host):
        raise StackError(f"expected Redis at {host}:{port}, none answers. Start the stack: clickloop up --detach")
    require_kafka(settings)


def require_kafka(settings: Settings) -> None:
    """Raises StackError where Kafka does not answer."""
    broker = ":".join(map(str, kafka_address(settings)))
    if not kafka_ready(broker):
        raise StackError(f"expected Kafka at {broker}, none answers. Start the stack: clickloop up --detach")


def run_job(name: str, title: str, extra: dict[str, str] | None = None) -> Any:
    """Run a job with its progress shown; returns and prints its result."""
    settings = prepare_home(load_settings())
    require_servers(settings)
    console = Console(stderr=True)
    runner = JobRunner(settings)
    with interruptible():
        try:
            with Stages(console) as stages, stages.stage(title) as progress:
                result = runner.run(name, progress, extra=extra)
        finally:
            runner.stop()
    if result is not None:
        print(json.dumps(result) if not isinstance(result, str) else result)
    return result


def run_backfill(*, replace: bool) -> None:
    """Backfill with worker and lake stopped meanwhile: they would write to the same states and tables."""
    with _paused(load_settings(), "worker", "lake"):
        run_job("backfill", "Backfill purchases", {REPLACE: "1"} if replace else None)


@contextmanager
def _paused(settings: Settings, *names: str) -> Iterator[None]:
    supervisor = Supervisor(settings)
    states = {name: info["statename"] for name, info in supervisor.processes().items()}
    running = [
        one for one in services(settings) if one.name in names and states.get(one.name) in ("RUNNING", "STARTING")
    ]
    for program in running:
        supervisor.stop_program(program.name)
    try:
        yield
    finally:
        for program in running:
            supervisor.start_program(program.name)
        for program in running:
            supervisor.wait_healthy(program)


def run_folds(folds: int) -> None:
    """Fit and measure by groups of visitors; prints the figures."""
    run_job("folds", f"{folds} folds", {FOLDS: str(folds)})


def run_rebuild(*, history: bool) -> None:
    """Rebuild beside workers and lake sink, which go on."""
    run_job("rebuild", "Rebuild states and features", {HISTORY: "1"} if history else None)


def run_replay(*, where: str) -> None:
    """Replay what was rejected. Raises StackError where some of it is still bad, after printing what."""
    settings = prepare_home(load_settings())
    require_servers(settings)
    from streaming.replay import replay

    replayed = replay(settings, where=where)
    print(json.dumps(asdict(replayed), default=str))
    if replayed.still_bad:
        kept = f"{len(replayed.still_bad)} rejected events are still bad and were kept"
        raise StackError(f"{kept}; the first: {replayed.still_bad[0]}")


def run_catalogue(file: Path, *, replace: bool) -> None:
    """Send a file's items. Raises StackError where some of its rows are bad, after sending the others."""
    settings = _catalogue_settings()
    from streaming.catalogue import load_catalogue

    loaded = load_catalogue(settings, file, replace=replace)
    print(json.dumps({name: getattr(loaded, name) for name in ("added", "changed", "unchanged", "gone")}))
    if loaded.bad:
        for number, reason in loaded.bad[:_SHOWN_ROWS]:
            print(f"{file}, row {number}: {reason}", file=sys.stderr)
        kept = "; none was marked as gone" if replace else ""
        raise StackError(f"{len(loaded.bad)} rows of {file} are no items and were left out{kept}")


def _catalogue_settings() -> Settings:
    # Standard output is for the answer alone, and what matters of the rest comes as an error.
    configure_logging("catalogue", level=logging.ERROR)
    settings = prepare_home(load_settings())
    require_kafka(settings)
    return settings


def run_show_item(item_id: str) -> None:
    """Print an item as the topic has it."""
    settings = _catalogue_settings()
    from streaming.catalogue import show_item

    change = show_item(settings, item_id)
    since = datetime.fromtimestamp(change.since_us / 1e6, UTC).isoformat()
    said = {"item_id": item_id, "gone": True} if change.item is None else to_builtins(change.item)
    print(json.dumps({**said, "changed_at": since, "offset": change.offset}))


def run_promote(version: str) -> None:
    """Move the champion to a registered version."""
    from training.registry import promote

    settings = load_settings()
    promote(settings, version)
    print(f"champion: {champion_version(settings)}")


def run_rollback() -> None:
    """Move the champion back."""
    from training.registry import rollback

    settings = load_settings()
    rollback(settings)
    print(f"champion: {champion_version(settings)}")


def run_learn_biases() -> None:
    """Learn the champion's item biases and publish them; prints what was learned."""
    configure_logging("biases", level=logging.WARNING)
    from training.learn_biases import learn_biases, publish_biases

    settings = prepare_home(load_settings())
    print(json.dumps(publish_biases(settings, learn_biases(settings))))


def run_prove(*, visitors: int, as_json: bool) -> None:
    """Prove the loop and print the figures. Raises StackError when a click changed nothing in time."""
    from stack.prove import prove, table

    settings = load_settings()
    console = Console(stderr=True)
    with Stages(console) as stages, stages.stage(f"{visitors} visitors click") as progress:
        proof = prove(settings, visitors=visitors, progress=progress)
    if as_json:
        print(json.dumps(proof))
    else:
        Console().print(table(proof))


def run_bench(name: str, dataset: str | None, *, as_json: bool) -> None:
    """Run one benchmark, or all in turn; the last line of each is its figure as JSON. `quality` takes a data set."""
    if name != "all" and name not in BENCHMARKS:
        raise StackError(f"expected one of {', '.join(BENCHMARKS)}, or all; got {name}")
    if dataset is not None and name != "quality":
        raise StackError(f"expected a data set after quality alone, got {name} {dataset}")
    from bench.record import record

    settings = prepare_home(load_settings())
    for one in BENCHMARKS if name == "all" else (name,):
        chosen = () if dataset is None else (dataset,)
        result = importlib.import_module(f"bench.{one.replace('-', '_')}").run(settings, *chosen)
        record(result, command=" ".join(("clickloop bench", one, *chosen, "--json")))
        if as_json:
            print(json.dumps(result), flush=True)
        else:
            Console().print_json(json.dumps(result))
