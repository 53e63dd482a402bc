"""What every process of the stack finds in its environment beside the settings."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.settings import HOME_VARIABLE, Settings


def process_environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """`inherited`, with the state of other people's tools kept in the home folder and nothing reported to anybody.

    What the caller has set for those tools stays.
    """
    home = settings.home
    ours = {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "BENTOML_HOME": str(home / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "true",
        "FEAST_USAGE": "false",
        "DO_NOT_TRACK": "1",
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONUNBUFFERED": "1",
    }
    return {**ours, **inherited, HOME_VARIABLE: str(home)}
