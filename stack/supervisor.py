"""supervisord, configured for the stack and spoken to over its socket in the home folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil

from contracts.settings import Settings
from stack.environment import process_environment
from stack.errors import StackError
from stack.programs import Program
from stack.server_process import leashed, tail

LONGEST_SOCKET_PATH = 100  # Linux allows 107 bytes
START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 90.0

HEAD = """\
[unix_http_server]
file={socket}
chmod=0700

[supervisord]
nodaemon=true
silent=true
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={run}/supervisord.pid
childlogdir={logs}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

PROGRAM = """
[program:{name}]
command={command}
directory={project}
priority={priority}
autostart=false
autorestart=true
startsecs=1
startretries=3
stopsignal=TERM
stopwaitsecs=20
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


class SupervisorError(StackError):
    """supervisord, or a process under it, does not do what was asked."""


class Supervisor:
    """The stack's supervisord; there is one for a home folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.run_dir = settings.home / "run"
        self.logs_dir = settings.logs_dir
        self.socket = self._socket_path()
        self._process: subprocess.Popen[bytes] | None = None

    def _socket_path(self) -> Path:
        inside = self.run_dir / "supervisor.sock"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.run_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"clickloop-{os.getuid()}-{digest}" / "supervisor.sock"

    def _call(self, method: str, *arguments: Any) -> Any:
        """One call of supervisord's XML-RPC interface. Raises OSError when none answers, Fault when it refuses."""
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            return getattr(ServerProxy("http://127.0.0.1", transport=transport).supervisor, method)(*arguments)
        finally:
            transport.close()

    def pid(self) -> int | None:
        """supervisord's pid, None when none answers: a socket or pid file left behind counts for nothing."""
        if not self.socket.exists():
            return None
        try:
            return int(self._call("getPID"))
        except (OSError, Fault):
            return None

    def require_stopped(self) -> None:
        """Raises SupervisorError when the stack runs already."""
        pid = self.pid()
        if pid is not None:
            raise SupervisorError(
                f"already running (supervisord is process {pid}). Look at it: clickloop status; stop it: clickloop down"
            )

    def start(self, programs: list[Program], *, leashed_to_us: bool) -> None:
        """Start supervisord with every program known and none started.

        `leashed_to_us`: it ends with this process, however that ends; else it stays.
        Raises SupervisorError when one runs already or it does not come up.
        """
        self.require_stopped()
        config = self._write_config(programs)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)]
        if self._process is not None:
            self._process.wait(STOP_TIMEOUT_S)
        log = self.logs_dir / "supervisord.out"
        with log.open("wb") as output:
            process = self._process = subprocess.Popen(
                leashed(command, parent_pid=os.getpid()) if leashed_to_us else command,
                cwd=self._settings.project,
                env=process_environment(self._settings, os.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.pid() is None:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise SupervisorError(f"supervisord did not start:\n{tail(log)}")
            time.sleep(0.05)

    def _write_config(self, programs: list[Program]) -> Path:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.logs_dir.mkdir(parents=True, exist_ok=True)
        places = {"run": self.run_dir, "logs": self.logs_dir, "project": self._settings.project}
        escaped = {name: _escape(str(path)) for name, path in places.items()}
        parts = [HEAD.format(socket=_escape(str(self.socket)), **escaped)]
        for index, program in enumerate(programs):
            command = _escape(shlex.join(leashed(program.command(), parent_pid=0)))
            # supervisor expands this one twice.
            log = _escape(_escape(str(self.logs_dir / f"{program.name}.log")))
            parts.append(
                PROGRAM.format(
                    name=program.name, command=command, priority=100 + index, log=log, project=escaped["project"]
                )
            )
        path = self.run_dir / "supervisord.conf"
        path.write_text("".join(parts))
        return path

    def start_program(self, name: str) -> None:
        """Start one program and return at once. One that runs is left alone."""
        # Fault 60 is supervisord's ALREADY_STARTED.
        try:
            self._call("startProcess", name, False)
        except Fault as fault:
            if fault.faultCode != 60:
                raise SupervisorError(f"{name}: {fault.faultString}") from fault

    def stop_program(self, name: str) -> None:
        """Stop one program and wait for its end. One that does not run is left alone."""
        # Fault 70 is supervisord's NOT_RUNNING.
        try:
            self._call("stopProcess", name, True)
        except Fault as fault:
            if fault.faultCode != 70:
                raise SupervisorError(f"{name}: {fault.faultString}") from fault

    def processes(self) -> dict[str, dict[str, Any]]:
        """What supervisord says of each program; empty when it does not run."""
        if self.pid() is None:
            return {}
        return {info["name"]: info for info in self._call("getAllProcessInfo")}

    def wait_healthy(self, program: Program) -> None:
        """Wait until a started program is well.

        Raises SupervisorError with the end of its log when it cannot be kept up or the time is out.
        """
        deadline = time.monotonic() + program.ready_timeout_s
        log = self.logs_dir / f"{program.name}.log"
        while not program.healthy():
            info = self.processes().get(program.name)
            if info is None or info["statename"] in ("FATAL", "STOPPED", "UNKNOWN"):
                state = info["statename"] if info else "gone"
                raise SupervisorError(f"{program.name} is {state}. The end of {log}:\n{tail(log)}")
            if time.monotonic() > deadline:
                raise SupervisorError(
                    f"{program.name} was not ready after {program.ready_timeout_s:.0f} s at {program.address}. "
                    f"The end of {log}:\n{tail(log)}"
                )
            time.sleep(0.1)

    def stop(self, on_waiting: Callable[[list[str]], None] | None = None) -> bool:
        """Stop every program and supervisord. Returns False when nothing ran.

        `on_waiting` is told the names still running. What does not end in time is killed.
        """
        pid = self.pid()
        if pid is None:
            return False
        tree = _tree(pid)
        self._call("shutdown")
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while present := [process for process in tree if _present(process)]:
            if time.monotonic() > deadline:
                for process in present:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
            if on_waiting is not None:
                on_waiting(self._still_running())
            time.sleep(0.1)
        self.socket.unlink(missing_ok=True)
        if self._process is not None:
            self._process.wait(STOP_TIMEOUT_S)
        return True

    def _still_running(self) -> list[str]:
        try:
            infos = self._call("getAllProcessInfo")
        except (OSError, Fault):
            return []
        return [info["name"] for info in infos if info["statename"] in ("RUNNING", "STOPPING")]


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _present(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
