"""Runs the service in this process: BentoML's own ASGI application on uvicorn, no supervisor beside it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import MutableMapping

from contracts.settings import Settings
from contracts.telemetry import silence

KEEP_ALIVE_S = 75
GRACE_S = 5
# A waiting thread gets the interpreter after this long: the answer should not wait for a background thread.
SWITCH_INTERVAL_S = 0.0001


def prepare_environment(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """What BentoML and numpy read from the environment at their import."""
    environ["BENTOML_HOME"] = str(settings.home / "bentoml")
    silence(environ)
    # Feast sets this for its own children; our counters are this process's alone.
    environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    # One request is one small product of matrices: threads of its own would only fight for the cores.
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def serve(settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT; returns when every open request has been answered."""
    prepare_environment(settings, os.environ)
    import uvicorn

    from serving.service import build_service

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # uvicorn raises the signal that ended it once more; by then there is nothing left to end.
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda _sign, _frame: None)
    uvicorn.run(
        build_service(settings).to_asgi(is_main=True),
        host=settings.serving.host,
        port=settings.serving.port,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
