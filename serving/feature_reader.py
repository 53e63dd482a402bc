"""Reads a profile's snapshot from Feast's online store, and says plainly when it cannot."""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from contracts.settings import Settings
from serving.breaker import Breaker

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView

VIEW = "user_behavior"
FIELD = "state"
REDIS, FEAST = "redis", "feast"
STARTING, UP, AWAY = "starting", "up", "away"
# A probe profile: pseudonyms are 22 characters, so it is nobody's.
_NOBODY = "-"


class FeaturesAway(RuntimeError):
    """The features could not be read; `.cause` is `redis` or `feast`."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"features cannot be read: {cause}")
        self.cause = cause


class Row(NamedTuple):
    """A profile's online row: the encoded state."""

    state: bytes


class FeatureReader(Protocol):
    """Where the recommender gets a profile's row."""

    def read(self, profile_id: str) -> Row | None:
        """The profile's row, None where there is none. Raises FeaturesAway."""


@dataclass(frozen=True)
class _Bound:
    """An opened store and what a read of the view needs of it."""

    store: FeatureStore
    view: FeatureView
    entity_key: type[Any]
    value: type[Any]

    def read(self, profile_id: str) -> Row | None:
        key = self.entity_key(join_keys=self.view.join_keys, entity_values=[self.value(string_val=profile_id)])
        online = self.store.provider.online_store
        # A list of its own each time: Feast appends to it.
        ((_, fields),) = online.online_read(self.store.config, self.view, [key], [FIELD])
        if fields is None or not fields[FIELD].bytes_val:
            return None
        return Row(fields[FIELD].bytes_val)


class FeastReader:
    """Opens Feast in the background, so that the service answers meanwhile, and again until it opens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ping = Redis.from_url(
            settings.redis.url,
            socket_timeout=settings.redis.timeout_s,
            socket_connect_timeout=settings.redis.timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._breaker = Breaker(
            REDIS, probe=self._ping.ping, errors=(RedisError, OSError), retry_s=settings.serving.retry_s
        )
        self._bound: _Bound | None = None
        self._error = ""
        self._tried = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._open_until_open, name="feast-open", daemon=True)
        self._log = structlog.get_logger(__name__)

    @property
    def warm(self) -> bool:
        """True once Feast is open, or has failed to open at least once."""
        return self._tried.is_set()

    @property
    def feast_state(self) -> str:
        """`starting`, `up` or `away`."""
        if self._bound is not None:
            return UP
        return AWAY if self._error else STARTING

    @property
    def feast_error(self) -> str:
        """Why Feast is away; empty where it is not."""
        return self._error

    def redis_state(self) -> str:
        """`up` or `away`; asks Redis now, for at most its timeout."""
        if not self._breaker.closed:
            return AWAY
        try:
            self._ping.ping()
        except (RedisError, OSError):
            return AWAY
        return UP

    def start(self) -> None:
        """Begin to open Feast and to watch Redis."""
        self._breaker.start()
        self._thread.start()

    def stop(self) -> None:
        """End the background work."""
        self._stopping.set()
        self._breaker.stop()
        if self._thread.is_alive():
            self._thread.join()
        self._ping.close()

    def read(self, profile_id: str) -> Row | None:
        """The profile's row, None where there is none. Raises FeaturesAway."""
        bound = self._bound
        if bound is None:
            raise FeaturesAway(FEAST)
        if not self._breaker.closed:
            raise FeaturesAway(REDIS)
        try:
            return bound.read(profile_id)
        except (RedisError, OSError) as error:
            self._breaker.trip(error)
            raise FeaturesAway(REDIS) from error

    def _open_until_open(self) -> None:
        while not self._stopping.is_set():
            try:
                self._bound = self._open()
            except Exception as error:  # noqa: BLE001 - a registry can be broken in any way that a file can
                if not self._error:
                    self._log.exception("feast.away", expected=f"a registry with the view {VIEW}")
                self._error = f"{type(error).__name__}: {error}"
                self._tried.set()
                self._stopping.wait(self._settings.serving.retry_s)
            else:
                self._error = ""
                self._settle()
                self._tried.set()
                return

    def _open(self) -> _Bound:
        # Importing Feast takes time, so it happens here and not before the first answer.
        # The store first, for its package says how Feast is imported.
        from feature_repo.store import open_store

        # isort: split
        from feast.protos.feast.types.EntityKey_pb2 import EntityKey
        from feast.protos.feast.types.Value_pb2 import Value

        store = open_store(self._settings, timeout_s=self._settings.redis.timeout_s)
        view = store.get_feature_view(VIEW)
        online = store.provider.online_store
        # redis-py would try three more times with growing pauses; a connection that had gone stale is worth one.
        client = online._get_client(store.config.online_store)
        client.set_retry(Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)))
        return _Bound(store, view, EntityKey, Value)

    def _settle(self) -> None:
        """Read once, so that the first visitor does not wait for first-time work."""
        self._log.info("feast.open", project=self._settings.redis.key_prefix)
        try:
            self.read(_NOBODY)
        except FeaturesAway as error:
            self._log.warning("feast.first_read_failed", cause=error.cause)
        # Feast leaves a million long-lived objects: scanning them would cost a request 100 ms now and then.
        gc.collect()
        gc.freeze()
