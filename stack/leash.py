"""Runs a command that may not outlive whoever started it: `python leash.py PARENT_PID COMMAND ...`.

The leash stays between the parent and the command. When the parent is gone, however it went, the
command and everything below it is asked to stop and after a grace is killed. Only the standard
library, so that it starts in milliseconds.

SIGTERM, SIGINT: the command is asked to stop. SIGUSR1: the command and all below it are killed at once.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.2
GRACE_S = 8.0
HANDLED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD}


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _spawn(command: list[str]) -> int:
    """Start the command, bound to this process's life. Returns its pid."""
    leash = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != leash:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        print(f"cannot run {command[0]}: {error}", file=sys.stderr, flush=True)
    os._exit(127)


def descendants(root: int) -> list[int]:
    """Pids of every process below `root`, as `/proc` tells at this moment."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        state, parent = stat.rpartition(")")[2].split()[:2]
        if state != "Z":
            children.setdefault(int(parent), []).append(int(entry.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _signal_all(sign: signal.Signals) -> None:
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            continue


def _reap(child: int) -> int | None:
    """Collect ended processes. Returns the command's exit code once it has ended, else None."""
    code: int | None = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)


def _clear() -> None:
    """End what the command left behind."""
    deadline = time.monotonic() + GRACE_S
    sign = signal.SIGTERM
    while descendants(os.getpid()):
        _signal_all(sign)
        if time.monotonic() > deadline:
            sign = signal.SIGKILL
        time.sleep(0.05)
        _reap(0)


def _watch(parent: int, child: int) -> int:
    """Pass signals on until the command has ended. Returns its exit code."""
    kill_at: float | None = None
    while True:
        received = signal.sigtimedwait(HANDLED, POLL_S)
        code = _reap(child)
        if code is not None:
            return code
        now = time.monotonic()
        orphaned = os.getppid() != parent
        if received is not None and received.si_signo == signal.SIGUSR1:
            _signal_all(signal.SIGKILL)
        elif received is not None and received.si_signo != signal.SIGCHLD:
            os.kill(child, received.si_signo)
        if orphaned and kill_at is None:
            os.kill(child, signal.SIGTERM)
            kill_at = now + GRACE_S
        if kill_at is not None and now > kill_at:
            _signal_all(signal.SIGKILL)


def main(arguments: list[str]) -> NoReturn:
    """Run the command on the leash and exit as it did (128 + signal when a signal ended it)."""
    if len(arguments) < 2 or not arguments[0].isdigit():
        print(f"expected PARENT_PID COMMAND ..., got {arguments}", file=sys.stderr)
        raise SystemExit(2)
    parent = int(arguments[0]) or os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    code = _watch(parent, _spawn(arguments[1:]))
    _clear()
    raise SystemExit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main(sys.argv[1:])
