"""Watches, beside a visitor, when the event is in the state and when Feast's online read shows it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from redis import Redis

from contracts.keys import StateKeys
from contracts.settings import Settings
from features.state import decode_state
from privacy.pseudonym import Pseudonymizer
from stack.visitor import milliseconds_since
from streaming.partitioning import partition_of

PAUSE_S = 0.0003
VIEW = "user_behavior"


@dataclass
class Sightings:
    """Milliseconds from the click; None until seen."""

    folded_ms: float | None = None
    visible_ms: float | None = None


class Observer:
    """Reads the worker's state key and Feast's online row of a profile. Opening it imports Feast."""

    def __init__(self, settings: Settings) -> None:
        # First, for its package says how Feast is imported.
        from feature_repo.store import open_store

        # isort: split
        from feast.protos.feast.types.EntityKey_pb2 import EntityKey
        from feast.protos.feast.types.Value_pb2 import Value

        self._settings = settings
        self._pseudonyms = Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value())
        self._redis = Redis.from_url(settings.redis.url, socket_timeout=5.0)
        self._store = open_store(settings)
        self._view = self._store.get_feature_view(VIEW)
        self._online = self._store._get_provider().online_store
        self._entity_key, self._value = EntityKey, Value

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def state_version(self, profile_id: str) -> int:
        """Events folded into the stored state, 0 without one."""
        kafka, redis = self._settings.kafka, self._settings.redis
        keys = StateKeys(partition_of(profile_id, kafka.partitions), redis.key_prefix)
        stored: Any = self._redis.get(keys.state(profile_id))
        return decode_state(stored).version if stored else 0

    def feast_version(self, profile_id: str) -> int:
        """The same by Feast's online read."""
        key = self._entity_key(join_keys=self._view.join_keys, entity_values=[self._value(string_val=profile_id)])
        ((_, fields),) = self._online.online_read(self._store.config, self._view, [key], ["state"])
        payload = fields["state"].bytes_val if fields else b""
        return decode_state(payload).version if payload else 0

    def profile(self, anonymous_id: str) -> str:
        """The visitor's pseudonym."""
        return self._pseudonyms.anonymous(anonymous_id)

    def watch(self, profile_id: str, version: int, began_s: float, stop: threading.Event) -> Sightings:
        """Poll until both have reached `version` or `stop` is set. `began_s` is a `time.perf_counter()`."""
        seen = Sightings()
        while not stop.is_set() and (seen.folded_ms is None or seen.visible_ms is None):
            if seen.visible_ms is None and self.feast_version(profile_id) >= version:
                seen.visible_ms = milliseconds_since(began_s)
            if seen.folded_ms is None and self.state_version(profile_id) >= version:
                seen.folded_ms = milliseconds_since(began_s)
            time.sleep(PAUSE_S)
        return seen
