"""What is known of Spark without running it: how far a checkpoint is, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.jars import read_lock
from stack.spark_driver import NoSpark, committed_batch, committed_offsets, spark_python

PROJECT = Path(__file__).resolve().parents[2]


def checkpoint(folder: Path, *, committed: int) -> Path:
    """As Spark writes it: offsets before a batch, a commit after it."""
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True)
    for batch in range(committed + 2):
        ends = f'{{"t-events":{{"0":{batch * 10},"1":{batch * 5}}}}}'
        (folder / "offsets" / str(batch)).write_text(f'v1\n{{"batchWatermarkMs":0}}\n{ends}')
        (folder / "offsets" / f".{batch}.crc").write_bytes(b"crc")
        if batch <= committed:
            (folder / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    return folder


def test_a_checkpoint_is_as_far_as_its_newest_committed_batch(tmp_path: Path) -> None:
    made = checkpoint(tmp_path / "spark", committed=11)
    assert committed_batch(made) == 11
    assert committed_offsets(made, "t-events") == {0: 110, 1: 55}


def test_without_a_commit_a_checkpoint_is_nowhere(tmp_path: Path) -> None:
    made = checkpoint(tmp_path / "spark", committed=-1)
    assert committed_offsets(made, "t-events") == {}
    assert committed_offsets(tmp_path / "absent", "t-events") == {}


def test_without_pyspark_the_message_names_the_target(tmp_path: Path) -> None:
    with pytest.raises(NoSpark, match="Install it: make spark-install"):
        spark_python(tmp_path)


def test_sparks_jars_are_locked_by_checksum_and_few() -> None:
    jars = {jar.artifact: jar for jar in read_lock(PROJECT / "jgo.spark.lock.toml")}
    assert set(jars) == {
        "spark-sql-kafka-0-10_2.13",
        "spark-token-provider-kafka-0-10_2.13",
        "kafka-clients",
        "commons-pool2",
    }
    assert all(len(jar.sha256) == 64 for jar in jars.values())


def test_sparks_lock_holds_what_the_main_lock_holds_in_the_same_versions() -> None:
    def versions(name: str) -> dict[str, str]:
        lines = (PROJECT / name).read_text().splitlines()
        pinned = [line.split(" ")[0].partition("==") for line in lines if not line.startswith((" ", "#"))]
        return {package: version for package, _, version in pinned if version}

    main, spark = versions("requirements.lock"), versions("requirements-spark.lock")
    assert {name for name in main.keys() & spark.keys() if main[name] != spark[name]} == set()
    assert {"pyspark", "feast", "msgspec", "kafka-python"} <= spark.keys()
    assert "pyspark" not in main
    assert "tensorflow" not in spark
