"""Kafka's jars are those of the lock, or none."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from stack.jars import JarError, kafka_classpath, read_lock

PROJECT = Path(__file__).resolve().parents[2]


def test_every_jar_of_the_lock_has_a_checksum_and_stands_on_the_classpath() -> None:
    jars = read_lock(PROJECT / "jgo.lock.toml")
    classpath = kafka_classpath(PROJECT)
    assert [path.name for path in classpath] == [jar.filename for jar in jars]
    assert "kafka_2.13-4.1.0.jar" in {path.name for path in classpath}
    for jar, path in zip(jars, classpath, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def test_a_jar_that_is_not_the_locks_is_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("M2_REPO", raising=False)
    folder = home / ".m2" / "repository" / "a" / "b" / "1"
    folder.mkdir(parents=True)
    (folder / "b-1.jar").write_bytes(b"something else")
    lock = f'[[dependencies]]\ngroupId = "a"\nartifactId = "b"\nversion = "1"\nsha256 = "{"0" * 64}"\n'
    (tmp_path / "jgo.lock.toml").write_text(lock)
    with pytest.raises(JarError, match=r"b-1\.jar: expected sha256 0000.*got [0-9a-f]{64}"):
        kafka_classpath(tmp_path)
    assert not list((tmp_path / ".cache").rglob("*.jar"))
    shutil.rmtree(folder)


def test_a_lock_without_a_checksum_is_refused(tmp_path: Path) -> None:
    lock = '[[dependencies]]\ngroupId = "a"\nartifactId = "b"\nversion = "1"\n'
    (tmp_path / "jgo.lock.toml").write_text(lock)
    with pytest.raises(JarError, match="expected a sha256 for b, got none"):
        kafka_classpath(tmp_path)
