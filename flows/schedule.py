"""`python -m flows.schedule`: runs what `prefect.yaml` schedules, in processes of this machine, until it is ended.

Prefect's server has to be there (PREFECT_API_URL); `clickloop schedule` brings one.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from prefect import serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from contracts.logs import configure_logging
from contracts.settings import load_settings
from flows.deployments import read_deployments

_AT_ONCE = 2


def deployment(told: dict[str, Any]) -> RunnerDeployment:
    """One of `prefect.yaml`'s, without its work pool. Raises KeyError where it lacks a field."""
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
    serve(*map(deployment, read_deployments(load_settings().project)), limit=_AT_ONCE, pause_on_shutdown=False)
