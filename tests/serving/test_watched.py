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


class Counted:
    """Reads the number in the file that another names, and counts how often it is asked to."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, pointer: Path) -> int:
        self.reads += 1
        return number(pointer.with_name(pointer.read_text()))


def test_what_was_refused_is_read_again_only_once_it_or_what_it_points_to_has_changed(path: Path) -> None:
    read = Counted()
    watched = WatchedFile(path, read, parts=lambda pointer: [pointer.with_name(pointer.read_text())])
    first, second = path.with_name("first"), path.with_name("second")
    first.write_text("one")
    second.write_text("two")
    path.write_text("first")
    assert [watched.refresh() for _ in range(3)] == [False] * 3
    assert (read.reads, "one" in watched.error) == (1, True)

    path.write_text("second")
    assert [watched.refresh() for _ in range(3)] == [False] * 3
    assert (read.reads, "two" in watched.error) == (2, True)

    second.write_text("22")
    assert [watched.refresh() for _ in range(3)] == [True, False, False]
    assert (read.reads, watched.value, watched.error) == (3, 22, "")


def test_a_disk_that_cannot_be_read_is_asked_again_though_nothing_has_changed(path: Path) -> None:
    failing = [OSError("a disk's error")]

    def read(pointer: Path) -> int:
        if failing:
            raise failing.pop()
        return number(pointer)

    path.write_text("7")
    watched = WatchedFile(path, read)
    assert not watched.refresh()
    assert watched.refresh()
    assert watched.value == 7


def test_a_good_content_that_comes_back_after_a_refused_one_is_no_error(watched: WatchedFile[int], path: Path) -> None:
    path.write_text("1")
    kept = path.with_name("kept")
    watched.refresh()
    path.rename(kept)
    path.write_text("no number")
    watched.refresh()
    assert watched.error != ""
    kept.replace(path)
    assert watched.refresh()
    assert (watched.value, watched.error) == (1, "")


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
