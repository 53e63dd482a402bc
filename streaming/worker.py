"""The stream worker's process: `python -m streaming.worker`."""

from __future__ import annotations

import signal
from threading import Event as Flag
from typing import Any

import structlog

from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from features.instant import SECOND_US
from streaming.attributes import AttributeRows
from streaming.checkpoint import Checkpoint, open_redis
from streaming.faults import arm_from_environment
from streaming.feature_rows import FeatureRows
from streaming.items import ItemRows, Items
from streaming.loop import Parts, Worker
from streaming.memory import Memory
from streaming.metrics import WorkerMetrics
from streaming.outbox import Outbox, open_producer
from streaming.ownership import WORKER, claim
from streaming.source import open_source
from streaming.states import States
from streaming.waiting import patiently

_log = structlog.get_logger()


def open_parts(
    settings: Settings, store: Any, stopping: Flag, *, generation: int | None = None, **consumer: Any
) -> Parts:
    """A worker's parts, connected; `generation` of states to work on, None for the one that serves.

    Raises KafkaError where no broker answers.
    """
    checkpoint = Checkpoint(open_redis(settings), prefix=settings.redis.key_prefix, generation=generation)
    states = States(checkpoint, capacity=settings.worker.cache_profiles)
    rows = FeatureRows(store)
    attributes = AttributeRows(rows)

    def on_lost(partition: int) -> None:
        states.drop(partition)
        attributes.drop(partition)

    outbox = Outbox(open_producer(settings, compression_type=None), stopping)
    source = open_source(settings, checkpoint, outbox, on_lost, rows.use, **consumer)
    items = Items(settings.kafka, lateness_us=settings.worker.lateness_s * SECOND_US)
    items.open(stopping)
    return Parts(
        source=source,
        states=states,
        checkpoint=checkpoint,
        rows=rows,
        attributes=attributes,
        outbox=outbox,
        topics=Topics(settings.kafka.topic_prefix),
        metrics=WorkerMetrics(),
        items=items,
        item_rows=ItemRows(settings.kafka, rows),
        poll_timeout_ms=settings.worker.poll_timeout_ms,
        lateness_us=settings.worker.lateness_s * SECOND_US,
        sample_above=settings.worker.sample_above,
    )


def main() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    configure_logging("worker")
    arm_from_environment()
    settings = load_settings()
    stopping = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    from feature_repo.store import open_store

    patiently(lambda: claim(open_redis(settings), settings, WORKER), stopping)
    store = open_store(settings)
    parts = patiently(lambda: open_parts(settings, store, stopping), stopping)
    if parts is None:
        return
    port = parts.metrics.serve(settings.worker.metrics_host, settings.worker.metrics_port)
    _log.info("worker ready", metrics_port=port, bootstrap=settings.kafka.bootstrap)
    try:
        Worker(parts).run(stopping, Memory())
    finally:
        parts.source.close()
        parts.outbox.close()
        parts.items.close()
        parts.item_rows.close()
    _log.info("worker stopped")


if __name__ == "__main__":
    main()
