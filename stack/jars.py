"""Jars, Kafka's and those that Spark lacks: fetched once as a lock names them, each held to its SHA-256.

`python -m stack.jars lock` resolves `jgo.toml` and `jgo.spark.toml` anew and writes their locks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import StackError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

Progress = Callable[[int, int], None]
PARALLEL_DOWNLOADS = 6
TIMEOUT_S = 60
KAFKA_LOCK, SPARK_LOCK = "jgo.lock.toml", "jgo.spark.lock.toml"


class JarError(StackError):
    """A jar could not be had, or is not the one that the lock names."""


@dataclass(frozen=True)
class LockedJar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name in a repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path) -> list[LockedJar]:
    """The jars of a lock file. Raises JarError for one without a checksum."""
    from jgo.env import LockFile

    jars = []
    for dependency in LockFile.load(path).dependencies:
        if not dependency.sha256:
            raise JarError(f"{path}: expected a sha256 for {dependency.artifactId}, got none")
        jars.append(LockedJar(dependency.groupId, dependency.artifactId, dependency.version, dependency.sha256))
    return jars


def kafka_classpath(project: Path, on_progress: Progress | None = None) -> list[Path]:
    """Kafka's jars in the checkout's cache, fetched when absent. `on_progress(done, total)` counts jars.

    Raises JarError when one cannot be fetched or its checksum is not the lock's.
    """
    return _classpath(project, KAFKA_LOCK, "kafka", on_progress)


def spark_classpath(project: Path, on_progress: Progress | None = None) -> list[Path]:
    """What pyspark needs beside its own jars to read Kafka; otherwise as `kafka_classpath`."""
    return _classpath(project, SPARK_LOCK, "spark", on_progress)


def _classpath(project: Path, lock_name: str, purpose: str, on_progress: Progress | None) -> list[Path]:
    lock = project / lock_name
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = project / ".cache" / f"{purpose}-{digest}"
    jars = read_lock(lock)
    missing = [jar for jar in jars if not (folder / jar.filename).exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(missing, folder, total=len(jars), on_progress=on_progress)
    return [folder / jar.filename for jar in jars]


def _fetch(missing: list[LockedJar], folder: Path, *, total: int, on_progress: Progress | None) -> None:
    done = total - len(missing)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="maven-") as scratch:
        context = _maven(Path(scratch))
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            for _ in pool.map(lambda jar: _fetch_one(context, jar, folder), missing):
                done += 1
                if on_progress is not None:
                    on_progress(done, total)


def _maven(scratch: Path) -> MavenContext:
    """Repositories as the machine's jgo settings name them; jars of its own Maven cache are taken first."""
    from jgo.config import GlobalSettings
    from jgo.constants import default_maven_repo
    from jgo.maven import MavenContext

    repositories = GlobalSettings.load().repositories or None
    own = default_maven_repo()
    local = [own] if own.is_dir() else []
    return MavenContext(repo_cache=scratch, local_repos=local, remote_repos=repositories, timeout=TIMEOUT_S)


def _fetch_one(context: MavenContext, jar: LockedJar, folder: Path) -> None:
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        source = component.artifact().resolve()
    except (OSError, RuntimeError) as error:
        raise JarError(
            f"cannot fetch {jar.group}:{jar.artifact}:{jar.version} from the Maven repository: {error}. "
            "Check the network, or put the jar into the machine's own Maven cache, and try again."
        ) from error
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise JarError(f"{jar.filename}: expected sha256 {jar.sha256} as in the lock, got {found}")
    partial = folder / f"{jar.filename}.{os.getpid()}"
    shutil.copyfile(source, partial)
    partial.replace(folder / jar.filename)


def write_lock(project: Path) -> Path:
    """Resolve `jgo.toml` and write `jgo.lock.toml`. Returns its path."""
    from jgo.env import EnvironmentBuilder, EnvironmentSpec

    with tempfile.TemporaryDirectory() as scratch:
        builder = EnvironmentBuilder(context=_maven(Path(scratch) / "m2"), cache_dir=Path(scratch) / "cache")
        lock = builder.resolve_lockfile(EnvironmentSpec.load(project / "jgo.toml"))
    path = project / KAFKA_LOCK
    lock.save(path)
    return path


def write_spark_lock(project: Path) -> Path:
    """Lock the jars that `jgo.spark.toml` names, without what they depend on: pyspark brings that. Returns the path."""
    from jgo.env import EnvironmentSpec, LockFile
    from jgo.env._lockfile import LockedDependency

    spec = EnvironmentSpec.load(project / "jgo.spark.toml")
    locked = []
    with tempfile.TemporaryDirectory() as scratch:
        context = _maven(Path(scratch))
        for coordinate in spec.coordinates:
            group, artifact, version = coordinate.split(":")
            source = context.project(group, artifact).at_version(version).artifact().resolve()
            sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
            locked.append(LockedDependency(group, artifact, version, sha256=sha256))
    path = project / SPARK_LOCK
    LockFile(locked, environment_name=spec.name).save(path)
    return path


def main(arguments: list[str]) -> int:
    """`lock` writes the lock; `fetch` fills the cache."""
    project = Path(__file__).resolve().parent.parent
    if arguments == ["lock"]:
        print(f"written: {write_lock(project)}, {write_spark_lock(project)}")
        return 0
    if arguments == ["fetch"]:
        print(f"{len(kafka_classpath(project))} jars in {project / '.cache'}")
        return 0
    print(f"expected: python -m stack.jars lock|fetch, got {arguments}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
