"""A stable address in front of a server: it can be made slow, and led to another server."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

_CHUNK = 65_536


class Proxy:
    """Passes TCP connections on to `target`, each answer `delay_s` late."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay_s = 0.0
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def lead_to(self, port: int) -> None:
        """From now on connections go to another server; those that there are end."""
        self.target = port
        self._hang_up()

    def close(self) -> None:
        """Take no more connections and end those that there are."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            ending, self._open = self._open, []
        for one in ending:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open += [client, server]
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        answers = threading.Thread(target=self._pump, args=(server, client), kwargs={"late": True}, daemon=True)
        answers.start()
        self._pump(client, server, late=False)
        answers.join()
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, *, late: bool) -> None:
        try:
            while data := source.recv(_CHUNK):
                if late and self.delay_s:
                    time.sleep(self.delay_s)
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A proxy that ends with the block."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()
