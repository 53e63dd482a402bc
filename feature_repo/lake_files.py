"""A table of the lake as plain Parquet files, for engines that read those where they have their cores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def data_files(table: Any) -> Sequence[str] | None:
    """The Parquet files that are the table's newest snapshot; None where they alone are not the table."""
    tasks = list(table.scan().plan_files())
    if not tasks or any(task.delete_files for task in tasks) or len(table.schemas()) > 1:
        return None
    return [task.file.file_path for task in tasks]
