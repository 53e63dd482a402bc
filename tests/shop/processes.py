"""The real processes behind the page, each as `clickloop up` starts it, on free ports."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.settings import Settings
from stack.environment import process_environment, server_variables
from stack.ports import free_port

START_S = 120.0
STOP_S = 20.0


@dataclass(frozen=True)
class Stack:
    """Where the shop answers, and the file that each process logs to."""

    address: str
    logs: Path

    def log(self, name: str) -> str:
        """All that a process has said."""
        return (self.logs / f"{name}.log").read_text()


@contextmanager
def running(settings: Settings) -> Iterator[Stack]:
    """Collector, worker, service and shop over these settings' servers, until the block ends."""
    ports = {name: free_port() for name in ("COLLECTOR_PORT", "WORKER_METRICS_PORT", "SERVING_PORT", "SHOP_PORT")}
    address = f"http://127.0.0.1:{ports['SHOP_PORT']}"
    environment = _environment(settings, ports, origin=address)
    settings.logs_dir.mkdir(parents=True, exist_ok=True)
    programs = {
        "collector": (["collector"], ports["COLLECTOR_PORT"], "/health"),
        "worker": (["streaming.worker"], ports["WORKER_METRICS_PORT"], "/metrics"),
        "serving": (["serving"], ports["SERVING_PORT"], "/health"),
        "shop": (["shop"], ports["SHOP_PORT"], "/health"),
    }
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_process(name, module, environment, settings))
            for name, (module, _, _) in programs.items()
        }
        for name, (_, port, path) in programs.items():
            _await(processes[name], port, path, settings.logs_dir / f"{name}.log")
        yield Stack(address, settings.logs_dir)


def _environment(settings: Settings, ports: dict[str, int], *, origin: str) -> dict[str, str]:
    secrets = settings.secrets
    return {
        **process_environment(settings, os.environ),
        **server_variables(settings),
        "CLICKLOOP_WORKER_GROUP": f"{settings.kafka.topic_prefix}worker",
        "CLICKLOOP_SECRETS_PSEUDONYM_KEY": secrets.pseudonym_key.get_secret_value(),
        "CLICKLOOP_SECRETS_WRITE_KEY": secrets.write_key.get_secret_value(),
        "CLICKLOOP_COLLECTOR_ALLOWED_ORIGINS": f'["{origin}"]',
        "CLICKLOOP_SERVING_ALLOWED_ORIGINS": f'["{origin}"]',
        **{f"CLICKLOOP_{name}": str(port) for name, port in ports.items()},
        "PYTHONPATH": str(settings.project),
    }


@contextmanager
def _process(
    name: str, module: list[str], environment: dict[str, str], settings: Settings
) -> Iterator[subprocess.Popen[bytes]]:
    with (settings.logs_dir / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=settings.project, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _answers(port, path):
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not answer within {START_S} s:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
