"""A member of a consumer group whose work decides what is committed."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer

from contracts.settings import Settings


class GroupConsumer(KafkaConsumer):  # type: ignore[misc]
    """A KafkaConsumer whose poll may be shorter than a rebalance.

    Where a change of the topic's metadata is what sends the group's leader to rejoin, kafka-python 3.0.12 forgets
    that it does once the partitions are dealt out; if no poll waits at that moment, the member never takes
    its partitions up and sends no heartbeat any more (in Kafka's own client: KAFKA-9815).
    """

    @property
    def joining(self) -> bool:
        """Whether the group's answer is under way: one that comes while no poll waits for it is thrown away, and
        the whole group joins anew."""
        task = self._coordinator._join_task
        return task is not None and not task.is_done

    def poll(self, *args: Any, **kwargs: Any) -> dict[Any, list[Any]]:
        """As KafkaConsumer's."""
        found: dict[Any, list[Any]] = super().poll(*args, **kwargs)
        if self._coordinator.rejoining:
            self._coordinator.request_rejoin()
        return found


def open_consumer(settings: Settings, *, group: str, max_records: int, **overrides: Any) -> GroupConsumer:
    """A member that commits nothing by itself and answers at the first record. Raises KafkaError."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.bootstrap,
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_min_bytes": 1,
        "max_poll_records": max_records,
        "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 1_000,
        "reconnect_backoff_max_ms": 1000,
    }
    return GroupConsumer(**(options | overrides))
