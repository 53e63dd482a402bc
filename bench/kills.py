"""100 kills of workers and servers under load, and what was lost or counted twice: `python -m bench.kills`."""

from __future__ import annotations

import json
import secrets
from functools import partial
from typing import Any

from bench.own_stack import own_servers
from bench.record import record
from bench.soak import Plan, Spawned, soak
from contracts.settings import SecretsSettings, Settings, load_settings

_NAMES = ("pseudonym_key", "write_key", "admin_token")


def run(settings: Settings, *, kills: int = 100) -> dict[str, Any]:
    """Two workers, collector and lake sink under 400 events/s; with every tenth kill a server dies, hangs or is full.

    A recovery begins when the worker is started again, or the server is, and ends when everything that was in
    Kafka then is in states and online rows: a worker's includes the start of its process.
    """
    keys = SecretsSettings.model_validate({name: secrets.token_hex(32) for name in _NAMES})
    with own_servers(settings.model_copy(update={"secrets": keys})) as own:
        from feature_repo.store import apply

        store = apply(own.settings)
        plan = Plan(kills=kills, fault_every=10, seed=1)
        soaked = soak(own, store, plan, partial(Spawned, own.settings))
    verdict = soaked.verdict
    wrong = verdict.lost + verdict.twice + verdict.lake_lost + verdict.lake_twice
    return {
        "bench": "kills",
        "figure": wrong,
        "unit": f"events lost or counted twice after {soaked.kills} kills under load, in states or lake",
        "floor": soaked.acknowledged,
        "floor_unit": "events acknowledged",
        "ratio": wrong / soaked.acknowledged,
        "details": {
            "kills": soaked.kills,
            "server_faults": sum(map(len, soaked.recoveries_s.values())) - len(soaked.recoveries_s["worker_killed"]),
            "exits_by_themselves": soaked.exits,
            "batches_repeated_by_the_client": soaked.refusals,
            "events_s": plan.events_s,
            "people": verdict.people,
            "lost": verdict.lost,
            "twice": verdict.twice,
            "wrong_values": verdict.wrong_values,
            "wrong_online_rows": verdict.wrong_rows,
            "lake_lost": verdict.lake_lost,
            "lake_twice": verdict.lake_twice,
            "lake_wrong_newest": verdict.lake_wrong,
            "first_faults": verdict.first_faults,
            "recovery_s": {kind: _summary(found) for kind, found in soaked.recoveries_s.items() if found},
        },
    }


def _summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "times": len(ordered),
        "p50": round(ordered[len(ordered) // 2], 2),
        "max": round(ordered[-1], 2),
    }


def main() -> None:
    """Run, keep the result, print it as one line of JSON."""
    result = run(load_settings())
    record(result, command="clickloop bench kills --json")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
