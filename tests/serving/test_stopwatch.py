"""Time by stage."""

from __future__ import annotations

from collections.abc import Callable

from serving.stopwatch import Stopwatch


def clock(*instants_s: float) -> Callable[[], float]:
    waiting = iter(instants_s)
    return lambda: next(waiting)


def test_each_lap_counts_from_the_lap_before_and_total_from_the_start() -> None:
    watch = Stopwatch(clock(10.0, 10.002, 10.005, 10.006))
    watch.lap("features")
    watch.lap("search")

    # 10.002 - 10.000 = 2 ms; 10.005 - 10.002 = 3 ms; 10.006 - 10.000 = 6 ms
    assert watch.timings_ms() == {"features": 2.0, "search": 3.0, "total": 6.0}


def test_a_stage_ended_twice_adds_up() -> None:
    watch = Stopwatch(clock(0.0, 0.001, 0.002, 0.004, 0.004))
    watch.lap("search")
    watch.lap("rules")
    watch.lap("search")

    # search: 1 ms, then 4 - 2 = 2 ms
    assert watch.timings_ms()["search"] == 3.0
