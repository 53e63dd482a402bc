"""Nothing outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil

from stack.server_process import LEASH, ServerProcess
from tests.stack.waiting import eventually, gone

PROJECT = Path(__file__).resolve().parents[2]


def _starter(directory: Path, command: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A parent that starts `command` on a leash, and the pids below it."""
    script = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from stack.server_process import ServerProcess
        server = ServerProcess("it", Path({str(directory / "it.log")!r}))
        server.start(["/bin/sh", "-c", {command!r}], cwd=Path({str(directory)!r}))
        time.sleep(600)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT)
    ready = directory / "ready"
    assert eventually(ready.exists)
    return parent, [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]


def test_kill_9_of_the_parent_ends_children_and_grandchildren(tmp_path: Path) -> None:
    parent, below = _starter(tmp_path, "sleep 500 & touch ready; sleep 501; true")
    assert len(below) == 4  # leash, shell, two sleeps
    parent.kill()
    parent.wait()
    assert eventually(lambda: all(gone(pid) for pid in below))


def test_a_child_that_ignores_sigterm_is_killed_with_its_parent(tmp_path: Path) -> None:
    parent, below = _starter(tmp_path, "trap '' TERM; touch ready; while :; do sleep 0.1; done")
    parent.kill()
    parent.wait()
    assert eventually(lambda: all(gone(pid) for pid in below))


def test_kill_9_of_the_leash_ends_the_command(tmp_path: Path) -> None:
    parent, below = _starter(tmp_path, "touch ready; exec sleep 500")
    os.kill(below[0], signal.SIGKILL)
    assert eventually(lambda: all(gone(pid) for pid in below))
    parent.kill()
    parent.wait()


def test_what_a_command_leaves_behind_is_ended(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(LEASH), str(os.getpid()), "/bin/sh", "-c", "sleep 500 & echo $!; exit 3"],
        stdout=subprocess.PIPE,
        check=False,
        timeout=30,
    )
    assert ran.returncode == 3
    assert gone(int(ran.stdout))


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(LEASH), str(os.getpid()), "/no/such/command"], capture_output=True, check=False, timeout=30
    )
    assert ran.returncode == 127
    assert b"/no/such/command" in ran.stderr


def test_stop_ends_gently_and_kill_at_once(tmp_path: Path) -> None:
    server = ServerProcess("it", tmp_path / "it.log")
    command = ["/bin/sh", "-c", "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.05; done"]
    server.start(command, cwd=tmp_path)
    assert eventually(lambda: server.log.read_text() == "hello\n")
    server.stop()
    assert server.log.read_text() == "hello\nbye\n"
    server.start(command, cwd=tmp_path)
    assert eventually(lambda: server.log.read_text() == "hello\nbye\nhello\n")
    server.kill()
    assert server.log.read_text() == "hello\nbye\nhello\n"
    assert not server.running
