"""Spark's Java is one that Spark runs on, or a message that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.jdk import NoJdk, find_jdk, java_version


def java(home: Path, version: str) -> Path:
    """A program that says what a Java of that version says."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    program.chmod(0o755)
    return home


def test_java_home_comes_before_path_and_path_before_the_usual_folders(tmp_path: Path) -> None:
    homes = [java(tmp_path / name, "17.0.1") for name in ("named", "on-path", "folder/jdk-17")]
    folders = (str(tmp_path / "folder"),)
    everywhere = {"JAVA_HOME": str(homes[0]), "PATH": str(homes[1] / "bin")}
    assert find_jdk(everywhere, folders) == homes[0]
    assert find_jdk({"PATH": str(homes[1] / "bin")}, folders) == homes[1]
    assert find_jdk({"PATH": ""}, folders) == homes[2]


def test_one_that_spark_does_not_run_on_is_passed_over(tmp_path: Path) -> None:
    newest = java(tmp_path / "jvm" / "a-25", "25.0.2")
    java(tmp_path / "jvm" / "b-8", "1.8.0_402")
    good = java(tmp_path / "jvm" / "c-21", "21.0.5")
    assert find_jdk({"JAVA_HOME": str(newest), "PATH": ""}, (str(tmp_path / "jvm"),)) == good


def test_without_a_suitable_one_the_message_says_what_was_found_and_what_to_do(tmp_path: Path) -> None:
    home = java(tmp_path / "jvm" / "jdk-25", "25.0.2")
    with pytest.raises(
        NoJdk, match=rf"expected a Java 17 or 21 for Spark, found 25 in {home}\. Install one.*JAVA_HOME"
    ):
        find_jdk({"PATH": ""}, (str(tmp_path / "jvm"),))
    with pytest.raises(NoJdk, match="found none"):
        find_jdk({"PATH": ""}, ())


def test_a_folder_without_java_has_no_version(tmp_path: Path) -> None:
    assert java_version(tmp_path) is None
