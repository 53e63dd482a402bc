"""The nightly check as a flow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_flow_checks_a_quiet_day_and_lays_its_report_down(tmp_path: Path) -> None:
    code = "import json; from flows.skew import check_served as f; print(json.dumps(f(day='2026-11-20')))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=os.environ
        | {
            "PYTHONPATH": str(PROJECT),
            "CLICKLOOP_HOME": str(tmp_path),
            "PREFECT_HOME": str(tmp_path / "prefect"),
            # A machine with much else to do takes longer than Prefect's 20 s.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        },
        capture_output=True,
        text=True,
        timeout=250,
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["day"], said["skewed"], said["answers"]["served"]) == ("2026-11-20", False, 0)
    assert json.loads((tmp_path / "reports" / "skew-2026-11-20.json").read_text()) == said
