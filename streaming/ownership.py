"""Who folds a prefix's events: the workers, or one Spark query. Never both, for a row has one writer."""

from __future__ import annotations

from redis import Redis

from contracts.keys import StateKeys, owner_key
from contracts.settings import Settings

WORKER = "worker"


class OwnedByAnother(RuntimeError):
    """Another kind of fold, or another checkpoint of the same kind, writes this prefix's rows."""


def claim(redis: Redis, settings: Settings, owner: str) -> None:
    """Become, or still be, the one who folds. Raises OwnedByAnother, RedisError."""
    prefix = settings.redis.key_prefix
    key = owner_key(prefix)
    redis.set(key, owner, nx=True)
    found = redis.get(key)
    holder = found.decode() if isinstance(found, bytes) else str(found)
    if holder != owner:
        raise OwnedByAnother(
            f"expected to fold the events of prefix {prefix!r} as {owner!r}; they are folded by {holder!r}. Two folds "
            "would overwrite each other's rows: give this one its own prefixes and home"
        )


def claim_from_workers(redis: Redis, settings: Settings, owner: str) -> None:
    """`claim` for an engine with states of its own. Raises OwnedByAnother where workers have states here."""
    prefix = settings.redis.key_prefix
    offsets = [StateKeys(number, prefix).offset for number in range(settings.kafka.partitions)]
    if redis.get(owner_key(prefix)) is None and any(redis.exists(offset) for offset in offsets):
        raise OwnedByAnother(
            f"expected no worker's states under prefix {prefix!r}, came some: workers fold these events. "
            "Give Spark its own prefixes and home"
        )
    claim(redis, settings, owner)
