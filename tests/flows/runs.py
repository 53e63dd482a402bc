"""Homes with a part of the real purchases, and the flows run in them as the command does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from contracts.settings import RedisSettings, SecretsSettings, Settings
from feature_repo.store import apply
from privacy.pseudonym import Pseudonymizer
from stack.environment import server_variables
from stack.redis_server import RedisServer
from streaming.backfill import backfill
from streaming.catalogue import lay_catalogue
from streaming.history import purchase_events, read_purchases

PROJECT = Path(__file__).resolve().parents[2]
CUSTOMERS = 400
RUN_TIMEOUT_S = 250


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(PROJECT),
        **server_variables(settings),
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # A machine with much else to do takes longer than Prefect's 20 s.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }


def home(directory: Path, redis: RedisServer) -> Settings:
    """A home with the demo's catalogue, and nothing bought yet."""
    settings = Settings(
        home=directory,
        redis=RedisSettings(url=redis.url, key_prefix=f"{directory.name}-{os.getpid()}-"),
        secrets=SecretsSettings.model_validate({"pseudonym_key": "a key for tests alone"}),
    )
    apply(settings)
    lay_catalogue(settings)
    return settings


def fill(settings: Settings, until: datetime | None = None) -> None:
    """The real purchases of CUSTOMERS customers, all of them or those before an instant."""
    now = datetime.now(UTC)
    purchases = read_purchases(settings, now)
    customers = pc.unique(purchases["customer_id"]).slice(0, CUSTOMERS)
    part = purchases.filter(pc.is_in(purchases["customer_id"], value_set=customers))
    part = part.filter(pc.less(part["timestamp"], until or now))
    events = purchase_events(part, Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value()))
    backfill(settings, events, total=part.num_rows, replace=True)


def trained(settings: Settings, flow: str = "train_and_promote", **parameters: int) -> dict[str, Any]:
    """Run the flow in a process of its own, as the command does; what it decided."""
    code = f"import json; from flows.training import {flow} as f; print(json.dumps(f(**{parameters!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    decision: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return decision
