"""Supervision: one stack a home, ordered, restarted, and gone when it is told or its parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from contracts.settings import Settings
from stack.boot import check_ports
from stack.ports import answers, free_port
from stack.programs import Program
from stack.supervisor import Supervisor, SupervisorError
from tests.stack.waiting import eventually, gone

PROJECT = Path(__file__).resolve().parents[2]


def _settings(home: Path) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    return Settings(home=home, project=PROJECT)


def _web(name: str, port: int) -> Program:
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    return Program(
        name=name,
        host="127.0.0.1",
        port=port,
        setting=f"CLICKLOOP_{name.upper()}_PORT",
        healthy=lambda: answers(port),
        command=lambda: command,
        ready_timeout_s=20.0,
    )


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(_settings(tmp_path / "a home with spaces and 100%"))
    yield made
    made.stop()


def test_a_path_with_spaces_and_percent_signs_serves_as_home(supervisor: Supervisor) -> None:
    program = _web("web", free_port())
    supervisor.start([program], leashed_to_us=True)
    supervisor.start_program("web")
    supervisor.wait_healthy(program)
    assert supervisor.processes()["web"]["statename"] in ("STARTING", "RUNNING")
    assert (supervisor.logs_dir / "web.log").exists()


def test_a_home_too_deep_for_a_socket_has_it_elsewhere(tmp_path: Path) -> None:
    deep = Supervisor(_settings(tmp_path / ("d" * 60) / ("e" * 60)))
    program = _web("web", free_port())
    deep.start([program], leashed_to_us=True)
    try:
        assert deep.pid() is not None
        assert not (deep.run_dir / "supervisor.sock").exists()
        assert deep.socket.parent.stat().st_mode & 0o077 == 0
    finally:
        assert deep.stop()


def test_a_second_start_is_refused_and_the_first_stays(supervisor: Supervisor) -> None:
    supervisor.start([], leashed_to_us=True)
    pid = supervisor.pid()
    with pytest.raises(SupervisorError, match=rf"already running \(supervisord is process {pid}\)"):
        supervisor.start([], leashed_to_us=True)
    assert supervisor.pid() == pid


def test_stopping_twice_is_fine(supervisor: Supervisor) -> None:
    program = _web("web", free_port())
    supervisor.start([program], leashed_to_us=False)
    supervisor.start_program("web")
    supervisor.wait_healthy(program)
    pid = supervisor.pid()
    assert pid is not None
    below = [child.pid for child in psutil.Process(pid).children(recursive=True)]
    assert len(below) == 2  # the leash and the server
    assert supervisor.stop()
    assert all(gone(each) for each in [pid, *below])
    assert not supervisor.stop()
    assert not answers(program.port)


def test_a_socket_left_by_a_crash_hinders_nothing(supervisor: Supervisor) -> None:
    supervisor.start([], leashed_to_us=False)
    pid = supervisor.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert supervisor.socket.exists()
    assert supervisor.pid() is None
    supervisor.start([], leashed_to_us=True)
    assert supervisor.pid() is not None


def test_a_killed_program_comes_back(supervisor: Supervisor) -> None:
    program = _web("web", free_port())
    supervisor.start([program], leashed_to_us=True)
    supervisor.start_program("web")
    supervisor.wait_healthy(program)
    assert eventually(lambda: supervisor.processes()["web"]["statename"] == "RUNNING")
    leash = supervisor.processes()["web"]["pid"]
    os.kill(leash, signal.SIGKILL)
    assert eventually(lambda: supervisor.processes()["web"]["pid"] not in (0, leash) and program.healthy())


def test_a_program_that_cannot_start_is_reported_with_its_log(supervisor: Supervisor) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    program = Program("broken", "127.0.0.1", free_port(), "X", lambda: False, lambda: command, ready_timeout_s=60.0)
    supervisor.start([program], leashed_to_us=True)
    supervisor.start_program("broken")
    with pytest.raises(SupervisorError, match=r"broken is FATAL(.|\n)*no such luck"):
        supervisor.wait_healthy(program)


def test_kill_9_of_whoever_started_it_leaves_nothing(tmp_path: Path) -> None:
    port = free_port()
    script = textwrap.dedent(
        f"""
        import sys, time
        sys.path.insert(0, {str(PROJECT / "tests" / "stack")!r})
        from pathlib import Path
        from test_supervisor import _settings, _web
        from stack.supervisor import Supervisor
        supervisor = Supervisor(_settings(Path({str(tmp_path)!r})))
        program = _web("web", {port})
        supervisor.start([program], leashed_to_us=True)
        supervisor.start_program("web")
        supervisor.wait_healthy(program)
        Path({str(tmp_path / "ready")!r}).touch()
        time.sleep(600)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT)
    assert eventually((tmp_path / "ready").exists)
    below = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
    assert len(below) == 4  # two leashes, supervisord, the server
    parent.kill()
    parent.wait()
    assert eventually(lambda: all(gone(pid) for pid in below))
    assert not answers(port)


def test_taken_ports_are_named_with_holder_and_remedy(supervisor: Supervisor) -> None:
    program = _web("web", free_port())
    check_ports([program])
    supervisor.start([program], leashed_to_us=True)
    supervisor.start_program("web")
    supervisor.wait_healthy(program)
    with pytest.raises(
        SupervisorError, match=rf"port {program.port}, wanted by web, is taken \(.*process \d+\).*CLICKLOOP_WEB_PORT"
    ):
        check_ports([program])
