"""Shows long work while it goes on, and afterwards how long each stage took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

ProgressCall = Callable[[int, int], None]


@dataclass(frozen=True)
class StageTime:
    """A finished stage: seconds since the first began, and its own."""

    name: str
    started_s: float
    took_s: float


class Stages:
    """Stages, one after another or side by side; on a terminal with bars, elsewhere a line each."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.times: list[StageTime] = []
        self._began = time.monotonic()
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> Stages:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    @contextmanager
    def stage(self, name: str) -> Iterator[ProgressCall]:
        """Time the block. It may call what it is given with (done, total)."""
        started = time.monotonic()
        bar = self._bars.add_task(name, total=None)
        if not self.console.is_terminal:
            self.console.print(f"  … {name}", markup=False)

        def advance(done: int, total: int) -> None:
            self._bars.update(bar, completed=done, total=total)

        try:
            yield advance
        except BaseException:
            self._bars.update(bar, description=f"[red]{name}")
            self._bars.stop_task(bar)
            raise
        took = time.monotonic() - started
        total = self._bars.tasks[bar].total or 1
        self._bars.update(bar, total=total, completed=total)
        self.times.append(StageTime(name, started - self._began, took))
        if not self.console.is_terminal:
            self.console.print(f"  ✓ {name}: {took:.1f} s", markup=False)

    def table(self) -> Table:
        """When each stage began and how long it took, in the order of their starts."""
        table = Table(title="Stages", title_justify="left")
        table.add_column("Stage")
        table.add_column("Began", justify="right")
        table.add_column("Took", justify="right")
        for stage in sorted(self.times, key=lambda found: found.started_s):
            table.add_row(stage.name, f"{stage.started_s:.1f} s", f"{stage.took_s:.1f} s")
        table.add_section()
        table.add_row("All", "", f"{time.monotonic() - self._began:.1f} s")
        return table
