"""`python -m collector`: events over HTTP into Kafka."""

from __future__ import annotations

import gc
import logging
import signal

import structlog
import uvicorn

from collector.app import build_app
from contracts.logs import configure_logging
from contracts.settings import load_settings

_KEEP_ALIVE_S = 30
# A batch is thousands of objects without a cycle among them: searching them for cycles every
# 700 allocations, as Python does unasked, takes more time than all else.
_GC_THRESHOLDS = (200_000, 20, 20)


def main() -> None:
    """Serve until SIGTERM or SIGINT; what was read by then is delivered and answered first."""
    settings = load_settings()
    configure_logging("collector")
    # Each retry of each connection, at length; what matters of it the outbox logs itself.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    collector = settings.collector
    config = uvicorn.Config(
        build_app(settings),
        host=collector.host,
        port=collector.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        # An access log would hold the visitors' addresses.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(collector.ack_timeout_s) + 1,
        backlog=2048,
    )
    # Uvicorn stops by its own handlers and then raises the signal again, for these: a clean stop exits 0.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda _signal, _frame: None)
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    structlog.get_logger().info("starting", host=collector.host, port=collector.port)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
