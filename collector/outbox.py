"""Records to Kafka, acknowledged by all replicas or refused: never lost, never waited for on the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from kafka.errors import KafkaError

from collector.breaker import Breaker
from collector.budget import Budget
from collector.connection import Connection
from collector.delivery import Delivery
from collector.sealed import Record

_log = structlog.get_logger()

# What a record occupies in the producer beside its key and value: a future, locks, the batch's header.
_RECORD_OVERHEAD_BYTES = 1200
# Sending is work on the event loop; other requests get a turn between chunks.
_CHUNK_RECORDS = 500


class Unavailable(RuntimeError):
    """Kafka cannot take the records now; `retry_after_s` says when to come back."""

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Patience:
    """How long to wait. `stall_s`: once the oldest unacknowledged delivery is older, new ones are refused."""

    ack_timeout_s: float
    stall_s: float = 2.0
    probe_every_s: float = 0.5


class Outbox:
    """Delivers records for one event loop. `connection` owns the producer; `budget` bounds the memory."""

    def __init__(self, connection: Connection, budget: Budget, patience: Patience) -> None:
        self._connection = connection
        self._budget = budget
        self._patience = patience
        self._breaker = Breaker(probe_every_s=patience.probe_every_s, clock=time.monotonic)
        self._pending: dict[Delivery, float] = {}

    @property
    def pending(self) -> int:
        """Deliveries that Kafka has not acknowledged yet."""
        return len(self._pending)

    def trouble(self) -> str | None:
        """Why Kafka cannot be relied on at present, or None."""
        if not self._connection.is_ready:
            return self._connection.trouble
        if self._breaker.is_open:
            return f"Kafka has acknowledged nothing for {self._breaker.open_s:.1f} s"
        if self._stalled_s() > self._patience.stall_s:
            return f"Kafka has left a delivery unacknowledged for {self._stalled_s():.1f} s"
        return None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Return once Kafka has every record.

        Raises Unavailable where it does not, or nobody can tell: some of the records may be
        there, so the caller is to repeat all under the same message ids.
        Raises BudgetExceeded where too much waits already; then none was sent.
        """
        if not records:
            return
        self._admit()
        size = sum(len(record.value or b"") + _RECORD_OVERHEAD_BYTES for record in records)
        self._budget.take(size)
        delivery = Delivery(asyncio.get_running_loop(), self._settled, size_bytes=size)
        self._pending[delivery] = time.monotonic()
        await self._send(delivery, records)
        try:
            async with asyncio.timeout(self._patience.ack_timeout_s):
                await asyncio.shield(delivery.finished)
        except TimeoutError as error:
            self._note_failure()
            raise Unavailable(
                f"expected Kafka's acknowledgement within {self._patience.ack_timeout_s:g} s, came none"
            ) from error
        if delivery.error is not None:
            raise Unavailable(f"Kafka did not take the events: {type(delivery.error).__name__}") from delivery.error

    async def close(self) -> None:
        """Wait for what is on its way, then close the producer."""
        if self._pending:
            await asyncio.wait([delivery.finished for delivery in self._pending], timeout=self._patience.ack_timeout_s)
        await asyncio.to_thread(self._connection.close, self._patience.ack_timeout_s)

    def _admit(self) -> None:
        if not self._connection.is_ready:
            raise Unavailable(self._connection.trouble)
        if self._breaker.is_open or self._stalled_s() > self._patience.stall_s:
            trouble = self.trouble()
            self._note_failure()
            if not self._breaker.allows():
                raise Unavailable(trouble or "Kafka does not answer")

    def _stalled_s(self) -> float:
        if not self._pending:
            return 0.0
        return time.monotonic() - next(iter(self._pending.values()))

    async def _send(self, delivery: Delivery, records: Sequence[Record]) -> None:
        sent = 0
        try:
            send = self._connection.send
            for record in records:
                send(record).add_callback(delivery.acknowledged).add_errback(delivery.failed)
                sent += 1
                if sent % _CHUNK_RECORDS == 0:
                    await asyncio.sleep(0)
        except (KafkaError, ValueError) as error:
            delivery.error = error
        finally:
            delivery.expect(sent)

    def _settled(self, delivery: Delivery) -> None:
        self._budget.give_back(delivery.size_bytes)
        self._pending.pop(delivery, None)
        if delivery.error is None:
            if self._breaker.is_open:
                _log.info("kafka_back", away_s=round(self._breaker.open_s, 1))
            self._breaker.succeeded()
            return
        if not self._breaker.is_open:
            _log.warning("kafka_away", error=type(delivery.error).__name__, pending=len(self._pending))
        self._note_failure()

    def _note_failure(self) -> None:
        self._breaker.failed()
        self._connection.note_failure(self._breaker.open_s)
