"""The circuit breaker."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from serving.breaker import Breaker

RETRY_S = 0.01
WAIT_S = 10.0


class AwayUntilTold:
    """The other side: refuses probes until it is told to answer, and counts them."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.probed = threading.Semaphore(0)
        self.probes = 0

    def probe(self) -> None:
        self.probes += 1
        self.probed.release()
        if not self.back.is_set():
            raise ConnectionError("away")


@pytest.fixture
def side() -> AwayUntilTold:
    return AwayUntilTold()


@pytest.fixture
def breaker(side: AwayUntilTold) -> Iterator[Breaker]:
    made = Breaker("side", probe=side.probe, errors=(ConnectionError,), retry_s=RETRY_S)
    made.start()
    yield made
    made.stop()


def test_is_closed_and_probes_nothing_while_all_is_well(breaker: Breaker, side: AwayUntilTold) -> None:
    assert breaker.closed
    assert side.probes == 0


def test_stays_open_while_probes_fail(breaker: Breaker, side: AwayUntilTold) -> None:
    breaker.trip(ConnectionError("away"))
    for _ in range(3):
        assert side.probed.acquire(timeout=WAIT_S)

    assert not breaker.closed


def test_closes_by_itself_once_a_probe_succeeds(breaker: Breaker, side: AwayUntilTold) -> None:
    breaker.trip(ConnectionError("away"))
    assert side.probed.acquire(timeout=WAIT_S)
    side.back.set()
    closed = threading.Event()

    def watch() -> None:
        while not breaker.closed:
            closed.wait(RETRY_S)
        closed.set()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    thread.join(WAIT_S)

    assert breaker.closed


def test_stops_while_open(side: AwayUntilTold) -> None:
    breaker = Breaker("side", probe=side.probe, errors=(ConnectionError,), retry_s=RETRY_S)
    breaker.start()
    breaker.trip(ConnectionError("away"))
    assert side.probed.acquire(timeout=WAIT_S)
    breaker.stop()

    assert all(thread.name != "breaker-side" for thread in threading.enumerate())
