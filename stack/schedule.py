"""`clickloop schedule`: Prefect's server, and a runner of what `prefect.yaml` schedules, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from contracts.settings import Settings, load_settings
from flows.deployments import read_deployments
from stack.environment import process_environment, server_variables
from stack.errors import StackError
from stack.ports import LOOPBACK, bindable, holder
from stack.server_process import ServerProcess, tail
from stack.setup import prepare_home
from stack.stages import Stages
from stack.up import interruptible

API_URL = "PREFECT_API_URL"
READY_TIMEOUT_S = 120.0
POLL_S = 0.5


def run(*, port: int) -> None:
    """Serve the deployments; a server comes along unless PREFECT_API_URL names one.

    Raises StackError where one of the two does not start, or ends by itself.
    """
    settings = prepare_home(load_settings())
    deployments = read_deployments(settings.project)
    console = Console(stderr=True)
    environment = process_environment(settings, os.environ) | server_variables(settings)
    api = environment.setdefault(API_URL, f"http://{LOOPBACK}:{port}/api")
    server = None if API_URL in os.environ else ServerProcess("Prefect's server", settings.logs_dir / "prefect.log")
    runner = ServerProcess("The runner", settings.logs_dir / "schedule.log")
    with interruptible():
        try:
            with Stages(console) as stages:
                if server is not None:
                    with stages.stage("Prefect's server"):
                        _start_server(server, settings, port, environment, api)
                with stages.stage("Deployments"):
                    runner.start([sys.executable, "-m", "flows.schedule"], cwd=settings.project, env=environment)
                    runner.wait_ready(lambda: _deployed(api) >= len(deployments), timeout_s=READY_TIMEOUT_S)
            console.print(_table(deployments))
            console.print(f"Prefect  {api.removesuffix('/api')}\nLogs     {settings.logs_dir}\nCtrl-C stops both.")
            _watch([one for one in (server, runner) if one is not None])
        except KeyboardInterrupt:
            console.print("stopping")
        finally:
            runner.stop()
            if server is not None:
                server.stop()


def _start_server(server: ServerProcess, settings: Settings, port: int, environment: dict[str, str], api: str) -> None:
    if not bindable(port):
        raise StackError(
            f"expected port {port} to be free for Prefect's server, it is held by {holder(port)}. Another: --port N; "
            f"a server of your own: {API_URL}=http://…/api clickloop schedule"
        )
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", str(port)]
    server.start(command, cwd=settings.project, env=environment)
    server.wait_ready(lambda: _healthy(api), timeout_s=READY_TIMEOUT_S)


def _healthy(api: str) -> bool:
    try:
        return httpx.get(f"{api}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _deployed(api: str) -> int:
    try:
        return int(httpx.post(f"{api}/deployments/count", json={}, timeout=5).json())
    except (httpx.HTTPError, ValueError, TypeError):
        return 0


def _watch(processes: list[ServerProcess]) -> None:
    while True:
        for one in processes:
            if not one.running:
                raise StackError(f"{one.name} has ended by itself:\n{tail(one.log)}")
        time.sleep(POLL_S)


def _table(deployments: list[dict[str, Any]]) -> Table:
    table = Table(title="Schedule, UTC")
    for heading in ("Deployment", "When", "What"):
        table.add_column(heading)
    for one in deployments:
        when = ", ".join(schedule["cron"] for schedule in one["schedules"] if schedule["active"])
        table.add_row(one["name"], when or "not", one["description"])
    return table
