"""A collector in a process of its own, and what it wrote."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer, TopicPartition

from contracts.settings import Settings
from contracts.topics import Topics
from stack.environment import server_variables
from stack.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 60.0


class RunningCollector:
    """`python -m collector` under given settings, its log and a client that carries the write key."""

    def __init__(self, settings: Settings, log: Path, **overrides: str) -> None:
        self.settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.topics = Topics(settings.kafka.topic_prefix)
        self._log = log
        self._consumer: Any = None
        self._http = httpx.Client(timeout=30)
        self._begin = {
            TopicPartition(topic, number): 0
            for topic, lanes in ((self.topics.events, 2), (self.topics.rejected, 1))
            for number in range(lanes * settings.kafka.partitions)
        }
        self._begin[TopicPartition(self.topics.items, 0)] = 0
        key = settings.secrets.write_key.get_secret_value()
        self.authorization = f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"
        environment = {
            **os.environ,
            **server_variables(settings),
            "CLICKLOOP_COLLECTOR_PORT": str(self.port),
            "CLICKLOOP_SECRETS_WRITE_KEY": key,
            "CLICKLOOP_SECRETS_ADMIN_TOKEN": settings.secrets.admin_token.get_secret_value(),
            "CLICKLOOP_SECRETS_PSEUDONYM_KEY": settings.secrets.pseudonym_key.get_secret_value(),
            **overrides,
        }
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "collector"], cwd=PROJECT, env=environment, stderr=errors
            )

    @property
    def log(self) -> str:
        """What it logged so far."""
        return self._log.read_text()

    def wait_for(self, status: int) -> None:
        """Wait until `/health` answers with `status`."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"expected a running collector, came: {self.log[-3000:]}")
            try:
                if self._http.get(f"{self.url}/health").status_code == status:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"expected /health to answer {status}, came: {self.log[-3000:]}")

    def post(self, call: str, content: Any, **headers: str) -> httpx.Response:
        """POST a body, JSON unless it is bytes, to `/v1/<call>` with the write key."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        given = {"Authorization": self.authorization, **headers}
        return self._http.post(f"{self.url}/v1/{call}", content=body, headers=given)

    def mark(self) -> None:
        """Forget what was written so far: `written` tells only of what follows."""
        consumer = self._open()
        self._begin = consumer.end_offsets(list(self._begin))

    def rewind(self) -> None:
        """Tell of everything again."""
        self._begin = dict.fromkeys(self._begin, 0)

    def written(self, topic: str) -> list[tuple[int, bytes | None, Any]]:
        """Partition, key and value of each record of a topic since the mark, up to its present end."""
        consumer = self._open()
        partitions = [partition for partition in self._begin if partition.topic == topic]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, self._begin[partition])
        found: list[tuple[int, bytes | None, Any]] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=100).values():
                found += [(record.partition, record.key, record.value) for record in records]
        return found

    def events(self) -> list[dict[str, Any]]:
        """The accepted events since the mark."""
        return [json.loads(value) for _, _, value in self.written(self.topics.events)]

    def rejections(self) -> list[dict[str, Any]]:
        """The refused ones since the mark."""
        return [json.loads(value) for _, _, value in self.written(self.topics.rejected)]

    def _open(self) -> Any:
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                bootstrap_servers=self.settings.kafka.bootstrap,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
        return self._consumer

    def close(self) -> None:
        """End the process, and the reading of what it wrote."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._http.close()
        if self._consumer is not None:
            self._consumer.close()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def running_collector(settings: Settings, log: Path, **overrides: str) -> Iterator[RunningCollector]:
    """A collector that is ready, stopped at the end of the block."""
    collector = RunningCollector(settings, log, **overrides)
    try:
        collector.wait_for(200)
        yield collector
    finally:
        collector.close()


def click(message_id: str, **fields: Any) -> dict[str, Any]:
    """A valid message."""
    return {
        "type": "track",
        "event": "Product Clicked",
        "messageId": message_id,
        "anonymousId": "visitor-0001",
        "properties": {"product_id": "85123A"},
        **fields,
    }
