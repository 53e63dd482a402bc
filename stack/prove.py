"""Proves the loop: visitors click, and the next recommendation knows of it. How long, stage by stage."""

from __future__ import annotations

import math
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from contracts.settings import Settings
from stack.observer import Observer
from stack.stages import ProgressCall
from stack.visitor import Answer, Browser, VisitError, milliseconds_since

STAGES = ("acknowledged", "folded", "visible", "recommended")
PATIENCE_S = 10.0
WARM_UP = 3
# Two threads share the interpreter here: the default turn of 5 ms would be measured, not the stack.
SWITCH_INTERVAL_S = 0.0002


@dataclass(frozen=True)
class Click:
    """One click: milliseconds from sending it to each stage, and whether the list changed."""

    acknowledged_ms: float
    folded_ms: float
    visible_ms: float
    recommended_ms: float
    changed: bool
    source: str
    model_version: str | None


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` of them do not exceed."""
    if not values:
        raise ValueError("expected at least one value, got none")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def prove(
    settings: Settings,
    *,
    visitors: int,
    progress: ProgressCall = lambda done, total: None,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Let visitors click, one after another; returns p50 and p99 in all and by stage.

    `observer` is closed at the end. Raises VisitError when a service does not answer or a click
    is not reflected within 10 seconds.
    """
    observer, browser = observer or Observer(settings), Browser(settings)
    try:
        with ThreadPoolExecutor(1) as pool, _short_turns():
            for _ in range(WARM_UP):
                _click(browser, observer, pool, number=0)
            clicks = []
            for number in range(visitors):
                clicks.append(_click(browser, observer, pool, number=number))
                progress(number + 1, visitors)
    finally:
        browser.close()
        observer.close()
    return summary(clicks)


def _click(browser: Browser, observer: Observer, pool: ThreadPoolExecutor, *, number: int) -> Click:
    visitor = f"prove-{secrets.token_hex(8)}"
    before = browser.recommend(visitor)
    if not before.items:
        raise VisitError("expected a list of items, got an empty one. Is a model there? clickloop train")
    wanted, stop = before.state_version + 1, threading.Event()
    profile = observer.profile(visitor)
    began_s = time.perf_counter()
    watching = pool.submit(observer.watch, profile, wanted, began_s, stop)
    try:
        browser.click(visitor, before.items[number % len(before.items)])
        acknowledged_ms = milliseconds_since(began_s)
        after = _until(browser, visitor, wanted)
        recommended_ms = milliseconds_since(began_s)
        # The answer may come a moment before the observer's own look.
        wait([watching], timeout=1.0)
    finally:
        stop.set()
    seen = watching.result()
    if seen.folded_ms is None or seen.visible_ms is None:
        raise VisitError(f"the answer reflects the click, yet the stores do not show it: {seen}")
    return Click(
        acknowledged_ms=acknowledged_ms,
        folded_ms=seen.folded_ms,
        visible_ms=seen.visible_ms,
        recommended_ms=recommended_ms,
        changed=after.item_ids != before.item_ids,
        source=after.source,
        model_version=after.model_version,
    )


def _until(browser: Browser, visitor: str, version: int) -> Answer:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = browser.recommend(visitor)
        if answer.state_version >= version:
            return answer
        if time.monotonic() > deadline:
            raise VisitError(
                f"expected the answer to reflect the click (state_version {version}) within {PATIENCE_S:.0f} s, "
                f"got {answer.state_version} from {answer.source}. Is the worker well? clickloop status"
            )


@contextmanager
def _short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def summary(clicks: Sequence[Click]) -> dict[str, Any]:
    """Figures in milliseconds since the click was sent."""
    stages = {}
    for stage in STAGES:
        values = [float(getattr(click, f"{stage}_ms")) for click in clicks]
        stages[stage] = {"p50_ms": round(percentile(values, 0.5), 2), "p99_ms": round(percentile(values, 0.99), 2)}
    return {
        "visitors": len(clicks),
        "p50_ms": stages["recommended"]["p50_ms"],
        "p99_ms": stages["recommended"]["p99_ms"],
        "stages": stages,
        "lists_changed": sum(click.changed for click in clicks),
        "sources": sorted({click.source for click in clicks}),
        "model_versions": sorted({str(click.model_version) for click in clicks}),
    }


def require_changed(proof: dict[str, Any]) -> None:
    """Raises VisitError unless the model answered every visitor and every list changed."""
    if proof["sources"] != ["model"]:
        raise VisitError(
            f"expected every answer from the model, got {', '.join(proof['sources'])}: see the service's log"
        )
    if proof["lists_changed"] != proof["visitors"]:
        raise VisitError(f"expected {proof['visitors']} lists to change, {proof['lists_changed']} did")


def table(proof: dict[str, Any]) -> Table:
    """The figures for reading."""
    shown = Table(title=f"{proof['visitors']} clicks, milliseconds from sending", title_justify="left")
    shown.add_column("Stage")
    shown.add_column("p50", justify="right")
    shown.add_column("p99", justify="right")
    names = {"visible": "visible in Feast"}
    for stage, figures in proof["stages"].items():
        shown.add_row(names.get(stage, stage), f"{figures['p50_ms']:.1f}", f"{figures['p99_ms']:.1f}")
    changed = f"{proof['lists_changed']} of {proof['visitors']} lists changed"
    shown.caption = f"{changed}; answered by {', '.join(proof['sources'])}"
    return shown
