"""A server on its leash: started, waited for, stopped, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stack.errors import StackError

LEASH = Path(__file__).with_name("leash.py")
POLL_S = 0.05


class ServerError(StackError):
    """A server did not start or did not stop."""


def leashed(command: list[str], *, parent_pid: int) -> list[str]:
    """The command line that runs `command` bound to the life of `parent_pid` (0: whoever starts it)."""
    return [sys.executable, "-I", "-S", str(LEASH), str(parent_pid), *command]


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, or a note that there is none."""
    if not path.exists():
        return f"(no log at {path})"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


class ServerProcess:
    """One child process and its log file."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        """Start the command, in this process's environment or in `env`; its output is appended to the log.

        Raises ServerError when it already runs.
        """
        if self.running:
            raise ServerError(f"{self.name} is already running")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                leashed(command, parent_pid=os.getpid()),
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Poll `ready` until it is true.

        Raises ServerError with the log's last lines when the process ends or the time is up.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._process is None or self._process.poll() is not None:
                code = self._process.returncode if self._process else None
                raise ServerError(f"{self.name} ended with exit code {code} before it was ready:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} was not ready after {timeout_s:.0f} s:\n{tail(self.log)}")
            time.sleep(POLL_S)

    def stop(self, *, timeout_s: float = 20.0) -> None:
        """Ask the process to end and wait; kill it when it does not. Nothing happens when it has ended."""
        self._end(signal.SIGTERM, timeout_s=timeout_s)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._end(signal.SIGUSR1, timeout_s=10.0)

    def _end(self, sign: signal.Signals, *, timeout_s: float) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(sign)
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGUSR1)
                process.wait(10.0)
        self._process = None
