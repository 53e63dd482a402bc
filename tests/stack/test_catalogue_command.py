"""`clickloop catalogue`: what it says, and what it leaves in the topic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from contracts.settings import Settings
from stack.environment import server_variables
from tests.conftest import PROJECT

HEADER = "item_id,name,price,category,brand\n"


def run(settings: Settings, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        **server_variables(settings),
    }
    return subprocess.run(
        [sys.executable, "-m", "stack.command", "catalogue", *map(str, arguments)],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_file_is_sent_shown_and_replaced(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text(f"{HEADER}lamp,A Lamp,30,light,acme\nmug,A Mug,4,kitchen,\n")
    sent = run(settings, file)
    assert (sent.returncode, json.loads(sent.stdout)) == (0, {"added": 2, "changed": 0, "unchanged": 0, "gone": 0})
    shown = json.loads(run(settings, "--show", "lamp").stdout)
    assert (shown["name"], shown["price"], shown["brand"], shown["offset"]) == ("A Lamp", 30.0, "acme", 0)
    file.write_text(f"{HEADER}mug,A Mug,5,kitchen,\n")
    replaced = run(settings, file, "--replace")
    assert json.loads(replaced.stdout) == {"added": 0, "changed": 1, "unchanged": 0, "gone": 1}
    assert json.loads(run(settings, "--show", "lamp").stdout)["gone"] is True


def test_what_goes_wrong_is_said_in_a_line_and_fails(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text(f"{HEADER}lamp,A Lamp,dear,light,acme\nmug,A Mug,4,kitchen,\n")
    bad = run(settings, file)
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["added"] == 1
    assert f"{file}, row 2: price: expected `float`" in bad.stderr
    assert bad.stderr.strip().splitlines()[-1] == f"error: 1 rows of {file} are no items and were left out"
    unknown = run(settings, "--show", "ghost")
    assert unknown.returncode == 1
    assert "error: expected the id of an item, came 'ghost'" in unknown.stderr
    assert "expected either a FILE or --show ITEM" in run(settings).stderr
    assert "expected a file named *.parquet" in run(settings, tmp_path / "items.xml").stderr
