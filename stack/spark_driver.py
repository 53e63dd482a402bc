"""Spark on this machine's cores: the driver's process, its command line, and how far its checkpoint is."""

from __future__ import annotations

import json
import os
from pathlib import Path

from contracts.settings import Settings
from contracts.topics import Topics
from stack.environment import server_variables
from stack.errors import StackError
from stack.jars import spark_classpath
from stack.jdk import find_jdk
from stack.server_process import ServerProcess

VENV = ".venv-spark"
MASTER = "local[2]"


class NoSpark(StackError):
    """pyspark is not installed."""


def spark_python(project: Path) -> Path:
    """The interpreter that has pyspark. Raises NoSpark."""
    python = project / VENV / "bin" / "python"
    if not python.exists():
        raise NoSpark(f"expected pyspark in {project / VENV}, there is none. Install it: make spark-install")
    return python


def spark_environment(settings: Settings, *, master: str = MASTER, memory: str = "1g") -> dict[str, str]:
    """What a process of `spark_python` needs to be a driver of `settings`. Raises NoSpark, NoJdk, JarError."""
    python = str(spark_python(settings.project))
    jars = ",".join(str(jar) for jar in spark_classpath(settings.project))
    options = f"--master {master} --driver-memory {memory} --jars {jars} --conf spark.ui.enabled=false"
    options += " --conf spark.driver.extraJavaOptions=-Xss8m --conf spark.ui.showConsoleProgress=false"
    options += " --conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1"
    return {
        "JAVA_HOME": str(find_jdk()),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "PYSPARK_SUBMIT_ARGS": f"{options} pyspark-shell",
        "PYTHONPATH": str(settings.project),
        "PYTHONUNBUFFERED": "1",
        "SPARK_LOCAL_DIRS": str(settings.home / "spark-scratch"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        **server_variables(settings),
        "CLICKLOOP_KAFKA_PARTITIONS": str(settings.kafka.partitions),
        "CLICKLOOP_SPARK_CHECKPOINT": settings.spark_checkpoint,
        "CLICKLOOP_SPARK_MAX_OFFSETS": str(settings.spark.max_offsets),
        "CLICKLOOP_SPARK_STATE_PARTITIONS": str(settings.spark.state_partitions),
    }


class SparkDriver:
    """The fold's driver; `kill` ends it and all that it started at once, `start` goes on from its checkpoint."""

    def __init__(self, settings: Settings) -> None:
        """Raises NoSpark, NoJdk, JarError."""
        self._settings = settings
        self._environment = spark_environment(settings)
        self._process = ServerProcess("Spark", settings.home / "logs" / "spark.log")

    @property
    def running(self) -> bool:
        """Whether the driver is there."""
        return self._process.running

    @property
    def log(self) -> Path:
        """What it said."""
        return self._process.log

    def start(self, **extra: str) -> None:
        """Start it, with `extra` in its environment."""
        python = str(spark_python(self._settings.project))
        environment = {**os.environ, **self._environment, **extra}
        self._process.start([python, "-m", "streaming.spark"], cwd=self._settings.home, env=environment)

    def stop(self) -> None:
        """Let it end its query."""
        self._process.stop(timeout_s=60.0)

    def kill(self) -> None:
        """As the kernel kills: no handler, no flush."""
        self._process.kill()

    def next_offsets(self) -> dict[int, int]:
        """By partition of `events`, the first offset that no committed batch has. Empty before any."""
        return committed_offsets(
            Path(self._settings.spark_checkpoint), Topics(self._settings.kafka.topic_prefix).events
        )


def committed_batch(checkpoint: Path) -> int:
    """The newest batch that Spark has committed, -1 before any."""
    return max((int(path.name) for path in checkpoint.glob("commits/*") if path.name.isdigit()), default=-1)


def committed_offsets(checkpoint: Path, topic: str) -> dict[int, int]:
    """Where the newest committed batch ends in `topic`, by partition."""
    batch = committed_batch(checkpoint)
    return {} if batch < 0 else batch_offsets(checkpoint, topic, batch)


def batch_offsets(checkpoint: Path, topic: str, batch: int) -> dict[int, int]:
    """Where a batch ends in `topic`, by partition, as Spark noted before it began."""
    # Spark's offset log: a version, the batch's metadata, then one line a source.
    source = (checkpoint / "offsets" / str(batch)).read_text().splitlines()[2]
    return {int(partition): offset for partition, offset in json.loads(source)[topic].items()}
