"""One fold a prefix: workers, or one Spark checkpoint."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from contracts.keys import StateKeys
from contracts.settings import Settings
from streaming.backfill import backfill
from streaming.checkpoint import open_redis
from streaming.ownership import WORKER, OwnedByAnother, claim, claim_from_workers
from streaming.rebuild import rebuild


def backfill_nothing(settings: Settings) -> object:
    return backfill(settings, [])


@pytest.fixture
def redis(settings: Settings) -> Redis:
    return open_redis(settings)


def test_workers_share_a_prefix_and_keep_spark_out(settings: Settings, redis: Redis) -> None:
    claim(redis, settings, WORKER)
    claim(redis, settings, WORKER)
    with pytest.raises(OwnedByAnother, match="as 'spark a'; they are folded by 'worker'"):
        claim_from_workers(redis, settings, "spark a")


def test_a_checkpoint_comes_back_to_its_prefix_and_keeps_all_others_out(settings: Settings, redis: Redis) -> None:
    claim_from_workers(redis, settings, "spark a")
    claim_from_workers(redis, settings, "spark a")
    for other in ("spark b", WORKER):
        with pytest.raises(OwnedByAnother, match="folded by 'spark a'"):
            claim(redis, settings, other)


def test_states_of_workers_that_never_claimed_keep_spark_out(settings: Settings, redis: Redis) -> None:
    redis.set(StateKeys(3, settings.redis.key_prefix).offset, "17")
    with pytest.raises(OwnedByAnother, match="expected no worker's states"):
        claim_from_workers(redis, settings, "spark a")
    claim(redis, settings, WORKER)


def test_prefixes_are_owned_apart(settings: Settings, redis: Redis) -> None:
    other = settings.model_copy(update={"redis": settings.redis.model_copy(update={"key_prefix": "elsewhere-"})})
    claim(redis, settings, WORKER)
    claim_from_workers(redis, other, "spark a")
    redis.delete("elsewhere-fold-owner")


@pytest.mark.parametrize("writes", [backfill_nothing, rebuild], ids=["backfill", "rebuild"])
def test_what_writes_workers_states_keeps_off_sparks_prefix(
    settings: Settings, redis: Redis, writes: Callable[[Settings], object]
) -> None:
    claim_from_workers(redis, settings, "spark a")
    with pytest.raises(OwnedByAnother, match="folded by 'spark a'"):
        writes(settings)
