"""TCP ports of this machine: which are free, which answer."""

from __future__ import annotations

import secrets
import socket

LOOPBACK = "127.0.0.1"

_SERVER_PORTS = range(20_000, 32_000)
_DRAWS = 200


def free_port() -> int:
    """A loopback port that nothing uses at this moment. Raises OSError where none is found.

    Drawn below the ports that the system gives to outgoing connections: one of those
    could take a port between this look and the server's start.
    """
    for _ in range(_DRAWS):
        port = secrets.choice(_SERVER_PORTS)
        if bindable(port):
            return port
    raise OSError(f"expected a free port of {_SERVER_PORTS.start} to {_SERVER_PORTS.stop - 1}, tried {_DRAWS}")


def answers(port: int, host: str = LOOPBACK, *, timeout_s: float = 0.3) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def bindable(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on the port, as far as this user may know."""
    import psutil

    for connection in psutil.net_connections("tcp"):
        local: tuple[str, int] | tuple[()] = connection.laddr
        if connection.status == psutil.CONN_LISTEN and local[1:] == (port,) and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
            except psutil.Error:
                break
    return "a process of another user"
