"""`python -m flows.schedule`: runs what `prefect.yaml` schedules, in processes of this machine, until it is ended.

Prefect's server has to be there (PREFECT_API_URL); `clickloop schedule` brings one.
"""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect import serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from contracts.logs import configure_logging
from contracts.settings import load_settings

_AT_ONCE = 2


def read_deployments(project: Path) -> list[RunnerDeployment]:
    """The deployments of `prefect.yaml`, without its work pool. Raises KeyError where one lacks a field."""
    told: dict[str, Any] = yaml.safe_load((project / "prefect.yaml").read_text(encoding="utf-8"))
    return [_deployment(one) for one in told["deployments"]]


def _deployment(told: dict[str, Any]) -> RunnerDeployment:
    module, flow = told["entrypoint"].rsplit(".", 1)
    found: Any = getattr(import_module(module), flow).to_deployment(
        name=told["name"],
        description=told["description"],
        parameters=told["parameters"],
        tags=told["tags"],
        concurrency_limit=told["concurrency_limit"],
        entrypoint_type=EntrypointType.MODULE_PATH,
        schedules=[Cron(one["cron"], timezone=one["timezone"], active=one["active"]) for one in told["schedules"]],
    )
    if not isinstance(found, RunnerDeployment):
        raise TypeError(f"{told['entrypoint']}: expected a deployment, came {type(found).__name__}")
    return found


if __name__ == "__main__":
    configure_logging("schedule")
    # The runner asks every ten seconds what is due: not worth a line each.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    serve(*read_deployments(load_settings().project), limit=_AT_ONCE, pause_on_shutdown=False)
