"""The committed schema is the event's, and says what the decoder enforces."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.event import Event, EventType, encode_event
from contracts.schema import PATH, main, render


def test_committed_schema_is_what_the_event_gives() -> None:
    assert PATH.read_text(encoding="utf-8") == render()


def test_check_command_exits_zero_on_a_fresh_file() -> None:
    project = Path(__file__).resolve().parents[2]
    finished = subprocess.run(
        [sys.executable, "-m", "contracts.schema", "--check"], cwd=project, capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stdout.strip()) == (0, "event.v1.json is fresh")


def test_check_command_exits_one_on_a_stale_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "event.v1.json"
    stale.write_text("{}")
    monkeypatch.setattr("contracts.schema.PATH", stale)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_unknown_argument_is_refused() -> None:
    assert main(["--force"]) == 2


def test_schema_lists_every_type_and_every_field_of_a_full_event() -> None:
    schema: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    definitions = schema["$defs"]
    assert set(definitions["EventType"]["enum"]) == {
        "page_view", "item_view", "click", "hover", "scroll", "dwell", "search", "add_to_cart", "remove_from_cart",
        "checkout_started", "purchase", "refund", "like", "share", "video_progress", "form_submit", "impression",
        "identify", "consent", "alias",
    }  # fmt: skip
    now = datetime.now(UTC)
    event = Event(message_id="m", anonymous_id="a", type=EventType.CLICK, timestamp=now, sent_at=now, item_id="i")
    assert set(json.loads(encode_event(event))) <= set(definitions["Event"]["properties"])
    assert set(definitions["Event"]["required"]) == {"message_id", "type", "timestamp"}
