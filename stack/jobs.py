"""Work that runs once and ends, each job in a process of its own: `python -m stack.jobs NAME`.

Its standard output is one JSON object a line: `{"done": 1, "total": 9}` while it goes on,
`{"result": ...}` at the end. What it logs goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from contracts.model import read_manifest, read_pointer
from contracts.settings import HOME_VARIABLE, Settings, load_settings
from stack.environment import process_environment
from stack.errors import StackError
from stack.server_process import leashed, tail
from stack.setup import apply_feast, feast_applied
from stack.stages import ProgressCall

REPLACE = "CLICKLOOP_BACKFILL_REPLACE"
HISTORY = "CLICKLOOP_REBUILD_HISTORY"
WATCH = "CLICKLOOP_TRAIN_WATCH"
FOLDS = "CLICKLOOP_TRAIN_FOLDS"
WARM = "CLICKLOOP_TRAIN_WARM"


class JobError(StackError):
    """A job ended without success."""


@dataclass(frozen=True)
class Job:
    """`done` says without importing anything slow whether there is nothing left to do."""

    run: Callable[[Settings, ProgressCall], Any]
    done: Callable[[Settings], bool]


def champion_version(settings: Settings) -> str | None:
    """The model that serving answers with; None before the first promotion."""
    return read_pointer(settings.model_dir)


def _apply(settings: Settings, progress: ProgressCall) -> bool:
    return apply_feast(settings)


def _load(settings: Settings, progress: ProgressCall) -> Any:
    # A profile remembers its last messages only: what the backfill brought would count again.
    if _backfilled(settings).exists():
        raise JobError(
            f"the purchases are here already, by `clickloop backfill`; sent again, older ones would count twice. "
            f"To load them through Kafka, start from an empty home: set {HOME_VARIABLE} to a new folder"
        )
    from streaming.load import load_purchases

    return load_purchases(settings, progress)


def _backfill(settings: Settings, progress: ProgressCall) -> Any:
    from redis import Redis

    from streaming.backfill import backfill_purchases
    from streaming.backfill_writer import StateStore

    # What an interrupted backfill left is its own to replace; anything else needs the user's word.
    begun, finished = settings.home / "backfilling", _backfilled(settings)
    replace = begun.exists() or REPLACE in os.environ
    if replace or not StateStore(Redis.from_url(settings.redis.url), settings).exist():
        begun.touch()
    result = backfill_purchases(settings, progress, replace=replace)
    finished.touch()
    begun.unlink(missing_ok=True)
    return result


def _rebuild(settings: Settings, progress: ProgressCall) -> Any:
    from streaming.rebuild import rebuild

    return rebuild(settings, progress, history=HISTORY in os.environ)


def _backfilled(settings: Settings) -> Path:
    return settings.home / "backfilled"


def _train(settings: Settings, progress: ProgressCall) -> Any:
    from flows.training import train_and_promote

    return train_and_promote(watch=WATCH in os.environ, warm=WARM in os.environ)


def _folds(settings: Settings, progress: ProgressCall) -> Any:
    from flows.training import validate_by_folds

    return validate_by_folds(int(os.environ[FOLDS]))


def _has_model(settings: Settings) -> bool:
    """Whether the champion is one that this code serves: after an upgrade it may not be."""
    version = champion_version(settings)
    try:
        return version is not None and bool(read_manifest(settings.model_dir / version))
    except (OSError, ValueError):
        return False


JOBS: dict[str, Job] = {
    "apply": Job(_apply, feast_applied),
    "load": Job(_load, lambda settings: False),
    "backfill": Job(_backfill, lambda settings: _backfilled(settings).exists()),
    "rebuild": Job(_rebuild, lambda settings: False),
    "train": Job(_train, _has_model),
    "folds": Job(_folds, lambda settings: False),
}


class JobRunner:
    """Runs jobs as child processes and can end them all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()

    def run(self, name: str, progress: ProgressCall, *, extra: Mapping[str, str] | None = None) -> Any:
        """Run a job to its end, `extra` added to its environment; returns its result.

        Raises JobError with what went wrong, or else the end of its log.
        """
        log = self._settings.logs_dir / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = leashed([sys.executable, "-m", "stack.jobs", name], parent_pid=os.getpid())
        with log.open("a") as errors:
            process = subprocess.Popen(
                command,
                cwd=self._settings.project,
                env=process_environment(self._settings, os.environ) | dict(extra or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                text=True,
            )
        with self._lock:
            self._running.append(process)
        said = _follow(process, progress)
        if process.wait() != 0:
            if "error" in said:
                raise JobError(f"{name}: {said['error']} (log: {log})")
            raise JobError(f"{name} ended with exit code {process.returncode}. The end of {log}:\n{tail(log)}")
        return said.get("result")

    def stop(self) -> None:
        """Ask every job still running to end, and wait."""
        with self._lock:
            running = [process for process in self._running if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGUSR1)
                process.wait(10.0)


def _follow(process: subprocess.Popen[str], progress: ProgressCall) -> dict[str, Any]:
    last: dict[str, Any] = {}
    for line in process.stdout or ():
        try:
            said = json.loads(line)
        except ValueError:
            continue  # a library's own print
        if isinstance(said, dict) and "total" in said:
            progress(int(said["done"]), int(said["total"]))
        elif isinstance(said, dict):
            last |= said
    return last


def _report(done: int, total: int) -> None:
    _say({"done": done, "total": total})


def _say(said: dict[str, Any]) -> None:
    print(json.dumps(said, default=_plain), flush=True)


def _plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def main(arguments: list[str]) -> int:
    """Run the named job in this process; what goes wrong is told in one line, and in full in the log."""
    if len(arguments) != 1 or arguments[0] not in JOBS:
        print(f"expected one of {', '.join(JOBS)}, got {arguments}", file=sys.stderr)
        return 2
    from contracts.logs import configure_logging

    configure_logging(arguments[0])
    try:
        result = JOBS[arguments[0]].run(load_settings(), _report)
    except Exception as error:
        _say({"error": str(error) or type(error).__name__})
        raise
    _say({"result": result})
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
