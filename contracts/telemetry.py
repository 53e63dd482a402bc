"""The one place that keeps libraries from reporting home."""

from __future__ import annotations

from collections.abc import MutableMapping

QUIET: dict[str, str] = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "FEAST_USAGE": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


def silence(environ: MutableMapping[str, str]) -> None:
    """Put QUIET into an environment, keeping what its owner set. Call before the libraries are imported."""
    for name, value in QUIET.items():
        environ.setdefault(name, value)
