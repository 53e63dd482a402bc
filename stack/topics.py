"""Creates the topics that the stack needs."""

from __future__ import annotations

import time
from typing import Any

from contracts.lanes import LANES
from contracts.settings import Settings
from contracts.topics import Topics
from stack.errors import StackError

# A state's key has to find its way back to the partition it was written for, so the
# count is fixed when the topics are made.
TIMEOUT_MS = 20_000


class TopicError(StackError):
    """Topics could not be created as the settings ask."""


def create_topics(settings: Settings) -> list[str]:
    """Create the missing topics and return their names; those that exist stay as they are.

    Raises TopicError when an existing topic has another number of partitions.
    """
    from kafka.admin import KafkaAdminClient

    topics = Topics(settings.kafka.topic_prefix)
    layout = _layout(settings, topics)
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap, client_id="clickloop-topics")
    try:
        existing = set(admin.list_topics())
        missing = [name for name in topics.all() if name not in existing]
        if missing:
            admin.create_topics(
                {name: {**layout[name], "replication_factor": 1} for name in missing},
                timeout_ms=TIMEOUT_MS,
                wait_for_metadata=True,
            )
        laneless = False
        for topic in admin.describe_topics([name for name in topics.all() if name in existing]):
            name, count = topic["name"], len(topic["partitions"])
            wanted = layout[name]["num_partitions"]
            if name == topics.events and LANES * count == wanted:
                laneless = True
            elif count != wanted:
                raise TopicError(f"topic {name}: expected {wanted} partitions, got {count}")
        if laneless:
            # Made before there were lanes: what it holds is the main lane.
            wanted = LANES * settings.kafka.partitions
            admin.create_partitions({topics.events: wanted}, timeout_ms=TIMEOUT_MS)
            _wait_for_partitions(admin, topics.events, wanted)
    finally:
        admin.close()
    return missing


def _wait_for_partitions(admin: Any, topic: str, wanted: int) -> None:
    """Return once the broker tells of them: it answers before it does. Raises TopicError."""
    due_s = time.monotonic() + TIMEOUT_MS / 1000
    while (count := len(admin.describe_topics([topic])[0]["partitions"])) != wanted:
        if time.monotonic() > due_s:
            raise TopicError(f"topic {topic}: expected {wanted} partitions within {TIMEOUT_MS // 1000} s, got {count}")
        time.sleep(0.05)


def _layout(settings: Settings, topics: Topics) -> dict[str, dict[str, Any]]:
    """Partitions and configuration by topic."""
    layout: dict[str, dict[str, Any]] = {name: {"num_partitions": settings.kafka.partitions} for name in topics.all()}
    layout[topics.events] = {"num_partitions": LANES * settings.kafka.partitions}
    # As long as an event may be late, what was said of its item at its time stays readable,
    # and so does that the item was gone.
    kept_ms = str(settings.worker.lateness_s * 1000)
    layout[topics.items] = {
        "num_partitions": 1,
        "configs": {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": kept_ms,
            "delete.retention.ms": kept_ms,
        },
    }
    return layout
