"""Whether a broker takes connections at all."""

from __future__ import annotations

import socket

CONNECT_TIMEOUT_S = 2.0


def knock(bootstrap: str) -> None:
    """Connect to the first of the brokers that takes a connection.

    A Kafka client that finds no broker leaves its sockets open, so look first. Raises OSError where none does.
    """
    refused = OSError(f"expected brokers as host:port, came {bootstrap!r}")
    for broker in bootstrap.split(","):
        host, _, port = broker.strip().rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
        except OSError as error:
            refused = error
        else:
            return
    raise refused
