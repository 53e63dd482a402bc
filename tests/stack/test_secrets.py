"""Secrets are made once, kept to their owner, and never shown."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.settings import RedisSettings, Settings, load_settings
from stack.secrets import SecretsError, ensure_secrets
from stack.status import configuration


def test_secrets_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = ensure_secrets(tmp_path / "home")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_text()
    ensure_secrets(tmp_path / "home")
    assert path.read_text() == first
    assert sorted(found.name for found in path.parent.iterdir()) == ["secrets.toml"]


def test_first_starts_at_once_agree_on_one_set(tmp_path: Path) -> None:
    def make(_: int) -> str:
        return ensure_secrets(tmp_path).read_text()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(32)))) == 1


def test_settings_read_them_and_each_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKLOOP_HOME", str(tmp_path))
    ensure_secrets(tmp_path)
    found = load_settings().secrets
    values = {found.pseudonym_key.get_secret_value(), found.write_key.get_secret_value()}
    values.add(found.admin_token.get_secret_value())
    assert len(values) == 3
    assert all(len(value) == 64 for value in values)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = ensure_secrets(tmp_path)
    path.chmod(0o644)
    with pytest.raises(SecretsError, match="expected mode 0600, got 0644"):
        ensure_secrets(tmp_path)


@pytest.mark.parametrize("content", ["[secrets]\nwrite_key = 'a'\n", "[secrets]\nwrite_key = 7\n", "not toml"])
def test_a_file_that_lacks_a_secret_is_refused(tmp_path: Path, content: str) -> None:
    path = ensure_secrets(tmp_path)
    path.write_text(content)
    with pytest.raises(SecretsError, match="expected"):
        ensure_secrets(tmp_path)


def test_configuration_shows_neither_secrets_nor_passwords_in_urls(settings: Settings) -> None:
    url = "redis://worker:hunter2@127.0.0.1:6379/0"
    shown = json.dumps(configuration(settings.model_copy(update={"redis": RedisSettings(url=url)})))
    assert "hunter2" not in shown
    assert "redis://***@127.0.0.1:6379/0" in shown
    for secret in (settings.secrets.pseudonym_key, settings.secrets.write_key, settings.secrets.admin_token):
        assert secret.get_secret_value() not in shown
