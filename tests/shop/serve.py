"""Runs an ASGI application on a free port in a thread, for tests that need a real socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(app: ASGIApp, *, port: int | None = None) -> Iterator[str]:
    """The application's address while the block runs."""
    listening = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=listening, log_config=None, lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected a server on port {listening} within 20 s")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
