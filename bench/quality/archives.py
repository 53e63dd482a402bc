"""Files of the data folder that `CLICKLOOP_DATA` names; archives are read without being unpacked."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "CLICKLOOP_DATA"


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Raises LookupError where the variable is not set or names no folder."""
    folder = environment.get(VARIABLE, "")
    if not folder or not Path(folder).is_dir():
        raise LookupError(f"expected {VARIABLE} to name the folder with the data sets, came {folder!r}")
    return Path(folder)


def member(folder: Path, archive: str, name: str, *, encoding: str = "utf-8") -> str:
    """The text of `name` in `<archive>.tar.xz`, which holds one folder named as itself.

    Raises FileNotFoundError where there is no such archive, KeyError where it has no such file.
    """
    with tarfile.open(folder / f"{archive}.tar.xz") as opened:
        file = opened.extractfile(f"{archive}/{name}")
        if file is None:
            raise KeyError(f"{archive}.tar.xz: expected a file {name}, came a folder")
        return file.read().decode(encoding)
