"""Prefect flows. No logic: tasks wrap plain functions.

Prefect reads its environment once, when it is imported, so this package settles it first:
its database goes to the home folder, and nothing is reported to anybody.
"""

import os

from contracts.settings import load_settings
from contracts.telemetry import silence

silence(os.environ)
os.environ.setdefault("PREFECT_HOME", str(load_settings().home / "prefect"))
# A log line a request to one's own server, and a queue to wait for at the end: the logs are on standard error already.
os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
