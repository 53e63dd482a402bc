"""What `prefect.yaml` deploys and when, read without Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_deployments(project: Path) -> list[dict[str, Any]]:
    """The deployments as the file tells them."""
    told: dict[str, Any] = yaml.safe_load((project / "prefect.yaml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = told["deployments"]
    return found
