"""Redis behind an address that changes hands, lags behind, or is slow."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from redis import Redis

from contracts.settings import Settings
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import make_settings
from tests.streaming.conftest import applied
from tests.streaming.lives import check_lives, lives
from tests.streaming.proxy import proxy
from tests.streaming.support import (
    WorkerProcess,
    caught_up,
    check_everything,
    make_events,
    send,
    total_offset,
    until,
)

NOBODY = 1  # a port without a server: a replica that is told of it as its master keeps what it has


def _own(home: Path, bootstrap: str, port: int) -> tuple[Settings, Any]:
    made = make_settings(home, bootstrap=bootstrap, redis_url=f"redis://127.0.0.1:{port}/0")
    made.home.mkdir()
    create_topics(made)
    return made, applied(made)


def test_failover_to_a_replica_that_lacks_the_newest_writes_loses_and_doubles_nothing(
    tmp_path: Path, kafka: KafkaServer, own_redis: RedisServer
) -> None:
    replica = RedisServer(tmp_path / "replica")
    replica.start()
    try:
        with proxy(own_redis.port) as address, Redis(port=replica.port) as second:
            second.execute_command("REPLICAOF", "127.0.0.1", own_redis.port)
            until(lambda: second.info("replication")["master_link_status"] == "up", what="the replica's link")
            settings, store = _own(tmp_path / "home", kafka.bootstrap, address.port)
            small = settings.model_copy(update={"worker": settings.worker.model_copy(update={"poll_records": 100})})
            events, by_user = lives(31)
            worker = WorkerProcess(small)
            feeding = threading.Thread(
                target=send, args=(settings, events), kwargs={"pause_every": 50, "pause_s": 0.15}
            )
            feeding.start()
            until(lambda: total_offset(settings) > 500, what="the first batches")
            second.execute_command("REPLICAOF", "127.0.0.1", NOBODY)
            behind = total_offset(settings)
            until(lambda: total_offset(settings) > behind + 300, what="writes that the replica never hears of")
            own_redis.kill()
            address.lead_to(replica.port)
            # Not promoted yet: it refuses every write.
            time.sleep(1.0)
            second.execute_command("REPLICAOF", "NO", "ONE")
            assert total_offset(settings) < behind + 300, "the replica was to have lost something"
            feeding.join()
            until(lambda: caught_up(settings), what="the worker at Kafka's end")
            assert worker.alive
            worker.kill()
            check_lives(settings, store, by_user)
    finally:
        replica.kill()


def test_slow_redis_slows_the_worker_and_one_slower_than_its_patience_is_waited_for(
    tmp_path: Path, kafka: KafkaServer, own_redis: RedisServer
) -> None:
    with proxy(own_redis.port) as address:
        settings, store = _own(tmp_path / "home", kafka.bootstrap, address.port)
        events = make_events(3_000, visitors=100, seed=32)
        worker = WorkerProcess(settings)
        send(settings, events[:1_000])
        until(lambda: total_offset(settings) > 0, what="the first batch")
        address.delay_s = 0.2
        send(settings, events[1_000:2_000])
        time.sleep(2.0)
        # Longer than any call waits, so that answers come when nobody asks any more.
        address.delay_s = 7.0
        send(settings, events[2_000:])
        time.sleep(9.0)
        address.delay_s = 0.0
        until(lambda: caught_up(settings), what="the worker at Kafka's end")
        assert worker.alive
        worker.kill()
        check_everything(settings, store, events)
