"""Waiting for servers that are away."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from typing import TypeVar

import structlog
from kafka.errors import KafkaError
from redis.exceptions import RedisError

_log = structlog.get_logger()
_FIRST_S, _LAST_S = 0.1, 2.0

T = TypeVar("T")


def patiently(attempt: Callable[[], T], stopping: Flag) -> T | None:
    """What `attempt` gives once Kafka and Redis answer; None where asked to stop before that."""
    wait_s = _FIRST_S
    while not stopping.is_set():
        try:
            return attempt()
        except (KafkaError, RedisError, OSError) as error:
            _log.warning("waiting", error=str(error), wait_s=wait_s)
            stopping.wait(wait_s)
            wait_s = min(wait_s * 2, _LAST_S)
    return None
