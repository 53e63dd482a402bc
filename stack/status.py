"""What runs, how it is, how far behind it is, and with which configuration; secrets masked."""

from __future__ import annotations

import json
import re
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.settings import Settings, load_settings
from stack.jobs import champion_version
from stack.lag import consumer_lag
from stack.leash import descendants
from stack.programs import Program, programs
from stack.supervisor import Supervisor

_USERINFO = re.compile(r"(?<=://)[^/@]*(?=@)")


def configuration(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values: secrets, and passwords within URLs, masked."""

    def masked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: masked(inner) for key, inner in value.items()}
        return _USERINFO.sub("***", value) if isinstance(value, str) else value

    found: dict[str, Any] = masked(settings.model_dump(mode="json"))
    return found


def status(settings: Settings) -> dict[str, Any]:
    """Everything that `clickloop status --json` prints."""
    supervisor = Supervisor(settings)
    pid = supervisor.pid()
    infos = supervisor.processes()
    processes = [_process(program, infos.get(program.name)) for program in programs(settings)]
    healthy = pid is not None and all(process["health"] == "ok" for process in processes)
    return {
        "running": pid is not None,
        "healthy": healthy,
        "supervisor_pid": pid,
        "processes": processes,
        "lag": consumer_lag(settings) if pid is not None else {},
        "model_version": champion_version(settings),
        "configuration": configuration(settings),
    }


def _process(program: Program, info: dict[str, Any] | None) -> dict[str, Any]:
    state = str(info["statename"]).lower() if info else "stopped"
    leash = int(info["pid"]) if info else 0
    below = descendants(leash) if leash else []
    running = state in ("running", "starting")
    return {
        "name": program.name,
        "pid": below[0] if below else None,
        "port": program.port,
        "state": state,
        "health": ("ok" if program.healthy() else "failing") if running else "down",
        "uptime_s": int(info["now"]) - int(info["start"]) if info and running else None,
    }


def show(*, as_json: bool) -> bool:
    """Print the status. Returns whether all is well."""
    found = status(load_settings())
    if as_json:
        print(json.dumps(found))
    else:
        _print(found, Console())
    return bool(found["healthy"])


def _print(found: dict[str, Any], console: Console) -> None:
    table = Table()
    for heading in ("Process", "Pid", "Port", "State", "Health", "Up"):
        table.add_column(heading, justify="left" if heading in ("Process", "State", "Health") else "right")
    for process in found["processes"]:
        up_s = process["uptime_s"]
        words = [process[key] for key in ("name", "pid", "port", "state", "health")]
        table.add_row(*("" if word is None else str(word) for word in words), "" if up_s is None else f"{up_s} s")
    console.print(table)
    for consumer, lag in found["lag"].items():
        by_partition = ", ".join(f"{partition}: {behind}" for partition, behind in lag["partitions"].items())
        console.print(f"Lag of {consumer}: {lag['total']} events ({by_partition})", markup=False)
    console.print(f"Model: {found['model_version'] or 'none yet: clickloop train'}", markup=False)
    console.print("Configuration:")
    for section, value in found["configuration"].items():
        lines = value.items() if isinstance(value, dict) else [("", value)]
        for name, inner in lines:
            console.print(f"  {section}{'.' if name else ''}{name} = {inner}", markup=False, highlight=False)
    if not found["running"]:
        console.print("Nothing runs. Start it with: clickloop up")


def print_addresses(settings: Settings, console: Console) -> None:
    """Where to look."""
    console.print(f"\nShop     http://{settings.shop.host}:{settings.shop.port}", markup=False)
    console.print(f"Service  http://{settings.serving.host}:{settings.serving.port}", markup=False)
    console.print(f"Events   http://{settings.collector.host}:{settings.collector.port}", markup=False)
    console.print(f"Logs     {settings.logs_dir}", markup=False)
