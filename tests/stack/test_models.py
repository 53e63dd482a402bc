"""`clickloop models` over a real registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.settings import Settings
from stack.command import app
from tests.training.test_registry import registered
from training.registry import UnknownVersion, promote

CARD = {
    "card.md": b"# Two towers\n\n| Model | NDCG |\n| --- | --- |\n| own | 0.25 |\n",
    "card.json": b'{"name": "two"}',
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLICKLOOP_HOME", str(tmp_path))
    return tmp_path


def test_lists_the_versions_and_shows_a_card(home: Path) -> None:
    settings = Settings(home=home)
    first, second = (registered(settings, name, CARD) for name in ("candidate-a", "candidate-b"))
    promote(settings, second)

    shown = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)
    marks = {row["version"]: (row["champion"], row["error"]) for row in shown}
    assert marks == {second: (True, ""), first: (False, "")}
    table = CliRunner().invoke(app, ["models"]).stdout
    assert "champion" in table
    assert "0.2500" in table
    assert json.loads(CliRunner().invoke(app, ["models", first, "--json"]).stdout) == {"name": "two"}
    card = CliRunner().invoke(app, ["models", first]).stdout
    assert "Two towers" in card
    assert "0.25" in card
    unknown = CliRunner().invoke(app, ["models", "99"])
    assert isinstance(unknown.exception, UnknownVersion)
