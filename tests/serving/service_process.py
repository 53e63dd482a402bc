"""The real service as its own process, as `clickloop up` starts it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from contracts.settings import Settings
from stack.environment import server_variables
from stack.ports import free_port

START_S = 120.0
SHOWN_LOG = 4000
POLL_S = 0.05


class Answer(NamedTuple):
    """A response; `body` is decoded JSON where it is JSON, else text."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Client:
    """Asks the service over one kept connection. For one thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> Answer:
        """GET over the kept connection."""
        return self.request("GET", path)

    def post(self, path: str, body: Any) -> Answer:
        """POST of a JSON body over the kept connection."""
        return self.request("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})

    def recommend(self, **fields: Any) -> dict[str, Any]:
        """The answer to a good request. Raises RuntimeError where it is not 200."""
        answer = self.post("/recommend", fields)
        if answer.status != 200:
            raise RuntimeError(f"expected 200, came {answer.status}: {answer.body}")
        body: dict[str, Any] = answer.body
        return body

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request over the kept connection, which is made anew where the server closed it. Raises OSError."""
        for fresh in (False, True):
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                self._connection.request(method, path, body, dict(headers or {}))
                response = self._connection.getresponse()
                content = response.read()
            except (http.client.HTTPException, OSError):
                self._connection.close()
                self._connection = None
                if fresh:
                    raise
            else:
                break
        kind = response.headers.get("content-type", "")
        text = content.decode()
        return Answer(
            response.status,
            json.loads(text) if kind.startswith("application/json") else text,
            {name.lower(): value for name, value in response.headers.items()},
        )

    def metric(self, name: str, **labels: str) -> float:
        """A sample's value in /metrics; 0 where it is not there yet."""
        wanted = set(labels.items())
        for line in self.get("/metrics").body.splitlines():
            head, _, value = line.rpartition(" ")
            found, _, rest = head.partition("{")
            pairs = {tuple(pair.split("=", 1)) for pair in rest.rstrip("}").replace('"', "").split(",") if pair}
            if found == name and wanted <= pairs:
                return float(value)
        return 0.0


class ServiceProcess(Client):
    """`python -m serving` with these settings in its environment, on a free port."""

    def __init__(self, settings: Settings, **overrides: str) -> None:
        self.settings = settings
        super().__init__(free_port())
        self._log_path = settings.home / "service.log"
        self._environment = {
            **os.environ,
            **environment(settings),
            "CLICKLOOP_SERVING_PORT": str(self.port),
            **overrides,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running service."""
        if self._process is None:
            raise RuntimeError("the service has not been started")
        return self._process.pid

    def log(self) -> str:
        """All that the service has said."""
        return self._log_path.read_text()

    def start(self, *, ready: bool = True) -> ServiceProcess:
        """Start, and wait until it is ready, or only until it listens."""
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "serving"],
                cwd=self.settings.project,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait(lambda: self.alive() and (not ready or self.get("/health").status == 200))
        return self

    def alive(self) -> bool:
        """Whether it answers at all. Raises RuntimeError with its log where it has ended."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the service ended:\n{self.log()}")
        try:
            return self.get("/livez").status == 200
        except OSError:
            return False

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        self.close()
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def wait(self, condition: Callable[[], bool], *, limit_s: float = START_S) -> None:
        """Until the condition holds. Raises TimeoutError with the service's log."""
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {limit_s} s the condition does not hold:\n{self.log()[-SHOWN_LOG:]}")
            time.sleep(POLL_S)


def environment(settings: Settings) -> dict[str, str]:
    """These settings as the variables that `load_settings` reads."""
    return {
        **server_variables(settings),
        "CLICKLOOP_SECRETS_PSEUDONYM_KEY": settings.secrets.pseudonym_key.get_secret_value(),
        "PYTHONPATH": str(Path(settings.project)),
    }
