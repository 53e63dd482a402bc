"""The machine's own Java for Spark. The wheel that runs Kafka lacks a module that Spark asks for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stack.errors import StackError

SUITABLE = (17, 21)
FOLDERS = ("/usr/lib/jvm", "/opt/java", "/Library/Java/JavaVirtualMachines")


class NoJdk(StackError):
    """No Java here that Spark runs on."""


def find_jdk(environ: Mapping[str, str] = os.environ, folders: tuple[str, ...] = FOLDERS) -> Path:
    """The home of a Java 17 or 21: JAVA_HOME's, else PATH's, else one of the usual folders'. Raises NoJdk."""
    found: list[str] = []
    for home in _candidates(environ, folders):
        version = java_version(home)
        if version in SUITABLE:
            return home
        if version is not None:
            found.append(f"{version} in {home}")
    raise NoJdk(
        f"expected a Java {' or '.join(map(str, SUITABLE))} for Spark, found {', '.join(found) or 'none'}. Install one "
        "(Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17) "
        "or name it: JAVA_HOME=/path/to/jdk make spark-demo"
    )


def java_version(home: Path) -> int | None:
    """The major version of the Java there, None where there is none that starts."""
    java = home / "bin" / "java"
    if not java.exists():
        return None
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    except OSError:
        return None
    version = re.search(r'version "(\d+)', said)
    return int(version[1]) if version else None


def _candidates(environ: Mapping[str, str], folders: tuple[str, ...]) -> list[Path]:
    homes = [Path(environ["JAVA_HOME"])] if environ.get("JAVA_HOME") else []
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path is not None:
        homes.append(Path(on_path).resolve().parent.parent)
    for folder in folders:
        for pattern in ("*", "*/Contents/Home"):
            homes += sorted(Path(folder).glob(pattern))
    return list(dict.fromkeys(homes))
