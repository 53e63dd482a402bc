"""Keep a benchmark's result beside the command that made it."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
REQUIRED = ("bench", "figure", "unit", "floor", "floor_unit", "ratio", "details")


def record(result: dict[str, Any], *, command: str, directory: Path = RESULTS) -> Path:
    """Write `<bench>.json` with the command, the time and the machine's size; return its path.

    Raises ValueError where the result lacks a field that every benchmark must give.
    """
    missing = [name for name in REQUIRED if name not in result]
    if missing:
        raise ValueError(f"benchmark result: expected the fields {', '.join(REQUIRED)}; missing {', '.join(missing)}")
    kept = {
        **result,
        "command": command,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }
    path = directory / f"{result['bench']}.json"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n")
    return path
