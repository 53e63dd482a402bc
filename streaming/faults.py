"""Places at which a test can end the process, as the kernel or a power cut would."""

from __future__ import annotations

import os
import signal

VARIABLE = "CLICKLOOP_FAULT"

# Every name that `fault` is called with, in the order in which a process passes them.
WORKER_POINTS = (
    "worker: before outbox taken over",
    "worker: after rows taken over",
    "worker: after outbox taken over",
    "worker: after turn",
    "worker: after poll",
    "worker: after decode",
    "worker: after load",
    "worker: in fold",
    "worker: after fold",
    "worker: before commit",
    "worker: after commit",
    "worker: after rows",
    "worker: in outbox",
    "worker: after outbox",
    "worker: after settle",
    "worker: before attributes",
    "worker: after attributes",
    "worker: after owed",
    "worker: after acknowledgement",
)
LAKE_POINTS = (
    "lake: after poll",
    "lake: before append",
    "lake: after append",
    "lake: after flush",
)
REBUILD_POINTS = (
    "rebuild: after lock",
    "rebuild: after plan",
    "rebuild: after deal",
    "rebuild: after bucket",
    "rebuild: after fold",
    "rebuild: after offsets",
    "rebuild: after follow",
    "rebuild: after close",
    "rebuild: before switch",
    "rebuild: after switch",
    "rebuild: after history",
    "rebuild: after remove",
)
REPLAY_POINTS = (
    "replay: before send",
    "replay: after flush",
    "replay: after commit",
)
POINTS = WORKER_POINTS + LAKE_POINTS + REBUILD_POINTS + REPLAY_POINTS

_armed: tuple[str, int] | None = None
_passes = 0


class UnknownFault(ValueError):
    """A fault was asked for at a place that does not exist."""


def arm(plan: str) -> None:
    """End this process at a place: `plan` is its name, or name, `#` and at which pass. Raises UnknownFault."""
    global _armed, _passes
    name, _, number = plan.partition("#")
    if name not in POINTS or not (number or "1").isdigit():
        raise UnknownFault(f"{VARIABLE}: expected one of {', '.join(POINTS)}, a `#` and a number; came {plan!r}")
    _armed, _passes = (name, int(number or 1)), 0


def arm_from_environment() -> None:
    """What a process's `main` calls: armed where CLICKLOOP_FAULT says so. Raises UnknownFault."""
    plan = os.environ.get(VARIABLE)
    if plan:
        arm(plan)


def fault(name: str) -> None:
    """Nothing, unless this is the place and the pass that were armed; then SIGKILL."""
    if _armed is None or _armed[0] != name:
        return
    global _passes
    _passes += 1
    if _passes == _armed[1]:
        os.kill(os.getpid(), signal.SIGKILL)
