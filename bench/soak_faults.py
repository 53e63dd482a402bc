"""Faults of the servers below a soak. Each returns when the fault has ended."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable

import psutil
from redis import Redis

from bench.own_stack import OwnStack

_FULL_S = 2.0
_HUNG_S = 4.0
_BROKER_ENDS_S = 20.0
_POLL_S = 0.05
# Beyond this size no file of the broker grows: its logs are larger by the time, and new segments' indexes too.
_ROOM_BYTES = 64 * 1024


def kill_redis(own: OwnStack) -> None:
    """Redis dies and is started again from its append-only file."""
    own.redis.kill()
    own.redis.start()


def kill_kafka(own: OwnStack) -> None:
    """The broker dies and is started again."""
    own.kafka.kill()
    own.kafka.start()


def fill_redis(own: OwnStack) -> None:
    """Redis refuses every write for want of memory, then there is room again."""
    with Redis.from_url(own.settings.redis.url) as redis:
        redis.config_set("maxmemory", "1mb")
        time.sleep(_FULL_S)
        redis.config_set("maxmemory", "0")


def hang_redis(own: OwnStack) -> None:
    """Redis answers nobody for longer than anybody waits, then goes on."""
    process = _process("redis-server", f":{own.redis.port}")
    process.send_signal(signal.SIGSTOP)
    time.sleep(_HUNG_S)
    process.send_signal(signal.SIGCONT)


def fill_disk(own: OwnStack) -> None:
    """The broker cannot write to its disk, which ends it; then there is room, and it is started again."""
    broker = _process("java", str(own.kafka.directory / "server.properties"))
    _, hard = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (_ROOM_BYTES, hard))
    deadline_s = time.monotonic() + _BROKER_ENDS_S
    while own.kafka.running and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    if own.kafka.running:
        # It lives on where only one of its threads has met the limit; the space comes back either way.
        resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (hard, hard))
    own.kafka.kill()
    own.kafka.start()


FAULTS: dict[str, Callable[[OwnStack], None]] = {
    "redis_killed": kill_redis,
    "kafka_killed": kill_kafka,
    "redis_full": fill_redis,
    "redis_hung": hang_redis,
    "kafka_disk_full": fill_disk,
}


def _process(name: str, word: str) -> psutil.Process:
    """The child of ours of that program whose command line holds the word."""
    for process in psutil.Process().children(recursive=True):
        # Redis writes its own command line, in one piece.
        if process.name() == name and any(word in part for part in process.cmdline()):
            return process
    raise RuntimeError(f"expected a process {name} with {word}, found none")
