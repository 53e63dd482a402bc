"""Kafka stops, is killed, hangs: nothing acknowledged is missing afterwards, nothing waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import psutil

from stack.kafka_server import KafkaServer
from tests.collector.conftest import collector_settings
from tests.collector.running import RunningCollector, click, running_collector

PATIENCE_S = 90.0


def ids(collector: RunningCollector) -> list[str]:
    return [event["message_id"] for event in collector.events()]


def post_until_taken(collector: RunningCollector, message_id: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (answer := collector.post("track", click(message_id))).status_code != 200:
        assert answer.status_code == 503
        assert time.monotonic() < deadline
        time.sleep(int(answer.headers["retry-after"]) / 4)


def test_stopped_kafka_is_a_503_and_what_was_acknowledged_is_there_afterwards(
    own_kafka: KafkaServer, tmp_path: Path
) -> None:
    settings = collector_settings(tmp_path / "home", own_kafka.bootstrap)
    with running_collector(settings, tmp_path / "collector.log") as collector:
        acknowledged = [f"before-{number}" for number in range(50)]
        assert collector.post("batch", {"batch": [click(name) for name in acknowledged]}).json()["accepted"] == 50
        own_kafka.stop()
        for number in range(4):
            answer = collector.post("track", click(f"during-{number}"))
            assert answer.status_code == 503
            assert answer.json()["success"] is False
            assert int(answer.headers["retry-after"]) >= 1
        assert httpx.get(f"{collector.url}/health").status_code == 503
        # What cannot be accepted is still told apart from what cannot be taken now.
        assert collector.post("batch", b"{").status_code == 400
        own_kafka.start()
        post_until_taken(collector, "after")
        collector.wait_for(200)
        found = ids(collector)
        assert set(found) >= {*acknowledged, "after"}
        assert set(found) <= {*acknowledged, "after", *(f"during-{number}" for number in range(4))}
        assert collector.stop() == 0


def test_collector_starts_before_kafka_and_takes_events_once_it_is_there(
    own_kafka: KafkaServer, tmp_path: Path
) -> None:
    settings = collector_settings(tmp_path / "home", own_kafka.bootstrap)
    own_kafka.stop()
    collector = RunningCollector(settings, tmp_path / "collector.log")
    try:
        collector.wait_for(503)
        assert collector.post("track", click("early")).status_code == 503
        own_kafka.start()
        post_until_taken(collector, "late")
        assert ids(collector) == ["late"]
    finally:
        collector.close()


def test_kafka_killed_under_concurrent_clients_loses_nothing_acknowledged(
    own_kafka: KafkaServer, tmp_path: Path
) -> None:
    settings = collector_settings(tmp_path / "home", own_kafka.bootstrap)
    acknowledged: list[str] = []
    statuses: set[int] = set()

    async def client(http: httpx.AsyncClient, url: str, name: str) -> None:
        for number in range(40):
            names = [f"{name}-{number}-{event}" for event in range(20)]
            while True:
                answer = await http.post(f"{url}/v1/batch", json={"batch": [click(one) for one in names]})
                statuses.add(answer.status_code)
                if answer.status_code == 200:
                    acknowledged.extend(names)
                    break
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.01)

    async def crash() -> None:
        for _ in range(2):
            await asyncio.sleep(0.4)
            await asyncio.to_thread(own_kafka.kill)
            await asyncio.to_thread(own_kafka.start)

    async def run(collector: RunningCollector) -> None:
        headers = {"Authorization": collector.authorization}
        async with httpx.AsyncClient(headers=headers, timeout=30) as http:
            await asyncio.gather(crash(), *(client(http, collector.url, f"c{number}") for number in range(6)))

    with running_collector(settings, tmp_path / "collector.log") as collector:
        asyncio.run(run(collector))
        assert statuses == {200, 503}
        assert len(acknowledged) == 6 * 40 * 20
        assert set(ids(collector)) == set(acknowledged)


def test_hanging_kafka_is_a_503_in_time_and_works_again_when_it_goes_on(own_kafka: KafkaServer, tmp_path: Path) -> None:
    settings = collector_settings(tmp_path / "home", own_kafka.bootstrap)
    (broker,) = {
        one.pid
        for one in psutil.net_connections(kind="tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == own_kafka.port and one.pid is not None
    }
    with running_collector(settings, tmp_path / "collector.log", CLICKLOOP_COLLECTOR_ACK_TIMEOUT_S="2") as collector:
        assert collector.post("track", click("before")).status_code == 200
        os.kill(broker, signal.SIGSTOP)
        try:
            assert collector.post("track", click("during")).status_code == 503
            assert collector.post("track", click("during-too")).status_code == 503
        finally:
            os.kill(broker, signal.SIGCONT)
        post_until_taken(collector, "after")
        assert {"before", "after"} <= set(ids(collector))


def test_full_buffer_is_a_503_and_leaves_room_for_what_fits(kafka: KafkaServer, tmp_path: Path) -> None:
    settings = collector_settings(tmp_path / "home", kafka.bootstrap)
    with running_collector(
        settings, tmp_path / "collector.log", CLICKLOOP_COLLECTOR_BUFFER_BYTES="300000"
    ) as collector:
        batch = {"batch": [click(f"m{number}") for number in range(1000)]}
        answer = collector.post("batch", batch)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert "expected at most 300000 bytes in memory" in answer.json()["error"]
        assert collector.post("track", click("fits")).status_code == 200
        assert ids(collector) == ["fits"]
        assert "clickloop_collector_buffer_bytes 0.0" in httpx.get(f"{collector.url}/metrics").text
