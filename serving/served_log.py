"""Every answer goes to the topic `served`, without an answer ever waiting for Kafka."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.broker import knock
from contracts.recommend import Served
from contracts.settings import KafkaSettings
from contracts.topics import Topics
from serving.evidence import with_values
from serving.metrics import ServingMetrics

MAX_IN_FLIGHT = 2_000
CONNECT_TIMEOUT_MS = 2_000
DELIVERY_TIMEOUT_MS = 10_000
LINGER_MS = 50
CLOSE_TIMEOUT_S = 2.0

STARTING, UP, AWAY = "starting", "up", "away"


class ServedLog:
    """A bounded buffer and one thread that empties it into Kafka; what does not fit is dropped and counted."""

    def __init__(
        self, settings: KafkaSettings, *, buffer: int, retry_s: float, values_share: float, metrics: ServingMetrics
    ) -> None:
        self._settings = settings
        self._topic = Topics(settings.topic_prefix).served
        self._retry_s = retry_s
        self._values_share = values_share
        self._metrics = metrics
        self._waiting: queue.Queue[tuple[Served, Mapping[str, Any] | None]] = queue.Queue(maxsize=buffer)
        self._in_flight = threading.BoundedSemaphore(MAX_IN_FLIGHT)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="served-log", daemon=True)
        self._encoder = msgspec.json.Encoder()
        self._log = structlog.get_logger(__name__)
        self._state = STARTING
        self._error = ""

    @property
    def state(self) -> str:
        """`starting`, `up` or `away`, by the last connection or delivery."""
        return self._state

    @property
    def error(self) -> str:
        """Why Kafka counts as away; empty where it does not."""
        return self._error

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def offer(self, served: Served, values: Mapping[str, Any] | None = None) -> None:
        """Take an answer to be sent, with the values behind it, or drop it; never waits."""
        try:
            self._waiting.put_nowait((served, values))
        except queue.Full:
            self._metrics.dropped("full")

    def stop(self) -> None:
        """Send what can be sent within `CLOSE_TIMEOUT_S`, then end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        producer = self._connect()
        if producer is None:
            return
        while not self._done:
            try:
                served, values = self._waiting.get(timeout=self._retry_s)
            except queue.Empty:
                continue
            if values is not None:
                served = with_values(served, values, share=self._values_share)
            self._send(producer, served)
        producer.close(timeout=CLOSE_TIMEOUT_S)

    @property
    def _done(self) -> bool:
        # A broker that is away is not waited for.
        return self._stopping.is_set() and (self._waiting.empty() or self._state == AWAY)

    def _connect(self) -> KafkaProducer | None:
        """A producer, once there is a broker; None where stopped before."""
        while not self._stopping.is_set():
            try:
                knock(self._settings.bootstrap)
                producer = KafkaProducer(
                    bootstrap_servers=self._settings.bootstrap,
                    acks="all",
                    linger_ms=LINGER_MS,
                    max_block_ms=CONNECT_TIMEOUT_MS,
                    bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
                    delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
                    request_timeout_ms=DELIVERY_TIMEOUT_MS // 2,
                )
            except (KafkaError, OSError) as error:
                self._turn(AWAY, error)
                self._stopping.wait(self._retry_s)
            else:
                self._turn(UP)
                return producer
        return None

    def _send(self, producer: KafkaProducer, served: Served) -> None:
        if not self._in_flight.acquire(timeout=self._retry_s):
            # The broker has not answered for long; those waiting behind fill the buffer meanwhile.
            self._metrics.dropped("unacknowledged")
            return
        key = None if served.profile_id is None else served.profile_id.encode()
        try:
            future = producer.send(self._topic, value=self._encoder.encode(served), key=key)
        except KafkaError as error:
            self._failed(error)
        else:
            future.add_callback(self._delivered)
            future.add_errback(self._failed)

    def _delivered(self, _metadata: object) -> None:
        self._in_flight.release()
        self._metrics.logged()
        self._turn(UP)

    def _failed(self, error: Exception) -> None:
        self._in_flight.release()
        self._metrics.dropped("failed")
        self._turn(AWAY, error)

    def _turn(self, state: str, error: Exception | None = None) -> None:
        self._error = "" if error is None else f"{type(error).__name__}: {error}"
        if state == self._state:
            return
        self._state = state
        if error is None:
            self._log.info("served_log.connected", topic=self._topic)
        else:
            self._log.warning("served_log.away", topic=self._topic, error=self._error)
