"""What every process of the stack finds in its environment beside the settings."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.settings import HOME_VARIABLE, Settings
from contracts.telemetry import QUIET


def server_variables(settings: Settings) -> dict[str, str]:
    """The variables by which a process that reads its settings itself finds the same home, Kafka and Redis."""
    return {
        HOME_VARIABLE: str(settings.home),
        "CLICKLOOP_KAFKA_BOOTSTRAP": settings.kafka.bootstrap,
        "CLICKLOOP_KAFKA_TOPIC_PREFIX": settings.kafka.topic_prefix,
        "CLICKLOOP_REDIS_URL": settings.redis.url,
        "CLICKLOOP_REDIS_KEY_PREFIX": settings.redis.key_prefix,
    }


def process_environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """`inherited`, with the state of other people's tools kept in the home folder and nothing reported to anybody.

    What the caller has set for those tools stays.
    """
    home = settings.home
    ours = {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "BENTOML_HOME": str(home / "bentoml"),
        "PYTHONUNBUFFERED": "1",
        # A worker killed and started again goes on at once instead of after the group has missed it.
        "CLICKLOOP_WORKER_INSTANCE": "worker-1",
    }
    return {**QUIET, **ours, **inherited, HOME_VARIABLE: str(home)}
