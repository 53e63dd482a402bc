"""Files read again when they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.watched import WatchedFile


def number(path: Path) -> int:
    return int(path.read_text())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "number"


@pytest.fixture
def watched(path: Path) -> WatchedFile[int]:
    return WatchedFile(path, number)


def test_nothing_there_is_no_error(watched: WatchedFile[int]) -> None:
    assert not watched.refresh()
    assert watched.value is None
    assert watched.error == ""


def test_reads_what_appears_and_what_changes_and_nothing_else(watched: WatchedFile[int], path: Path) -> None:
    path.write_text("1")
    assert watched.refresh()
    assert not watched.refresh()
    path.write_text("22")
    assert watched.refresh()
    assert watched.value == 22


def test_keeps_the_old_content_and_says_why_when_the_new_cannot_be_read(watched: WatchedFile[int], path: Path) -> None:
    path.write_text("1")
    watched.refresh()
    path.write_text("one and a half")

    assert not watched.refresh()
    assert watched.value == 1
    assert "one and a half" in watched.error


def test_recovers_once_the_content_is_good_again(watched: WatchedFile[int], path: Path) -> None:
    path.write_text("what")
    watched.refresh()
    path.write_text("2")

    assert watched.refresh()
    assert watched.value == 2
    assert watched.error == ""


def test_tries_again_where_only_what_the_file_points_to_was_mended(path: Path) -> None:
    target = path.with_name("target")
    path.write_text("target")
    watched = WatchedFile(path, lambda pointer: number(pointer.with_name(pointer.read_text())))

    assert not watched.refresh()
    target.write_text("5")

    assert watched.refresh()
    assert watched.value == 5


def test_keeps_the_content_of_a_file_that_is_gone_and_says_so(watched: WatchedFile[int], path: Path) -> None:
    path.write_text("1")
    watched.refresh()
    path.unlink()

    assert not watched.refresh()
    assert watched.value == 1
    assert watched.error == "the file is gone"
    path.write_text("1")
    assert watched.refresh()
    assert watched.error == ""
