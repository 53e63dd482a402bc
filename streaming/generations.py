"""Generations of states: one serves, another is made beside it, and all partitions change over at once.

Who makes a new one holds a lock that expires with its life. It closes the old generation partition by
partition, in the offset that every commit compares, so that a worker's next commit there is refused;
then it moves the pointer, which it can only while it holds the lock. A worker that finds a partition
closed waits for the pointer, or opens the partition again where the lock's holder is gone.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from contracts.keys import StateKeys, generation_key, glob_literal

_log = structlog.get_logger()

LOCK_MS = 8_000
_RENEWALS_A_LIFE = 8
_UNLINKED_KEYS = 500
# How long a retired generation's closed offsets outlive it, for a worker that slept through the switch.
_CLOSED_KEPT_S = 86_400
_CLOSED = re.compile(r"closed:(?P<by>[0-9a-f]+):(?P<token>\d*)")

# All on the pointer's key and those that share its hash tag.
_BEGIN = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
local last, active = tonumber(redis.call('GET', KEYS[2]) or 0), tonumber(redis.call('GET', KEYS[3]) or 0)
local generation = math.max(last, active) + 1
redis.call('SET', KEYS[2], generation)
return generation
"""
_RENEW = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0"
_END = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"
_SWITCH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""

# On one partition. A closed offset says by whom, and what it was.
_CLOSE = """
local token = redis.call('GET', KEYS[1]) or ''
token = string.match(token, '^closed:%x+:(%d*)$') or token
redis.call('SET', KEYS[1], 'closed:' .. ARGV[1] .. ':' .. token)
return token
"""
_SET_IF = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""


class Busy(RuntimeError):
    """Somebody else is making a generation."""


class LockLost(RuntimeError):
    """The lock has expired: workers may have opened the old generation again."""


def lock_key(prefix: str) -> str:
    """Held by who makes a generation; on a cluster in the pointer's slot, by its hash tag."""
    return f"{{{generation_key(prefix)}}}:rebuild"


def closed_by(token: str) -> str | None:
    """Who closed the partition with this offset in Redis; None where it is open."""
    found = _CLOSED.fullmatch(token)
    return None if found is None else found["by"]


def reopen(redis: Redis, keys: StateKeys, token: str, prefix: str) -> bool:
    """Open a closed partition unless its closer lives; whether this did it. Raises RedisError."""
    found = _CLOSED.fullmatch(token)
    if found is None or redis.get(lock_key(prefix)) == found["by"].encode():
        return False
    # An offset written otherwise, or one that a worker read before the closing would fit again.
    opened = f"0{found['token']}" if found["token"] else ""
    return bool(redis.eval(_SET_IF, 1, keys.offset, token, opened))


def active_generation(redis: Redis, prefix: str) -> int:
    """The generation that serves. Raises RedisError."""
    found: Any = redis.get(generation_key(prefix))
    return int(found or 0)


class NextGeneration:
    """The right to make the next generation, from `begin` to `switch` or `end`.

    The lock renews itself in a thread; where that fails for as long as it lives, `check` says so.
    """

    def __init__(self, redis: Redis, prefix: str, *, lock_ms: int = LOCK_MS) -> None:
        self._redis = redis
        self._prefix = prefix
        self._lock_ms = lock_ms
        self._token = secrets.token_hex(8)
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="generation-lock", daemon=True)
        self.number = 0
        self.active = 0

    def begin(self) -> None:
        """Take the lock and a number that no generation has had. Raises Busy, RedisError."""
        keys = [lock_key(self._prefix), f"{{{generation_key(self._prefix)}}}:last", generation_key(self._prefix)]
        found: Any = self._redis.eval(_BEGIN, 3, *keys, self._token, self._lock_ms)
        if not found:
            left_ms: Any = self._redis.pttl(keys[0])
            raise Busy(
                f"expected no other rebuild, one is at work; if it was killed, try again in {max(1, left_ms // 1000)} s"
            )
        self.number = int(found)
        self.active = active_generation(self._redis, self._prefix)
        self._thread.start()

    def check(self) -> None:
        """Raises LockLost."""
        if self._lost.is_set():
            raise LockLost("expected Redis to keep the rebuild's lock, it has expired; the old generation goes on")

    def close_active(self, partitions: Iterable[int]) -> None:
        """Refuse every further commit on the generation that serves. Raises LockLost, RedisError."""
        self.check()
        for partition in partitions:
            keys = StateKeys(partition, self._prefix, self.active)
            self._redis.eval(_CLOSE, 1, keys.offset, self._token)

    def reopen_active(self, partitions: Iterable[int]) -> None:
        """Give the generation that serves back to the workers. Raises RedisError."""
        self.end()
        for partition in partitions:
            keys = StateKeys(partition, self._prefix, self.active)
            token: Any = self._redis.get(keys.offset) or b""
            reopen(self._redis, keys, token.decode(), self._prefix)

    def switch(self) -> None:
        """Let the new generation serve. Raises LockLost, RedisError."""
        self.check()
        keys = [lock_key(self._prefix), generation_key(self._prefix)]
        if not self._redis.eval(_SWITCH, 2, *keys, self._token, self.number):
            self._lost.set()
            self.check()

    def end(self) -> None:
        """Let the lock go. Raises RedisError."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._redis.eval(_END, 1, lock_key(self._prefix), self._token)

    def _renew(self) -> None:
        missed = 0
        while not self._ended.wait(self._lock_ms / 1000 / _RENEWALS_A_LIFE):
            try:
                renewed: Any = self._redis.eval(_RENEW, 1, lock_key(self._prefix), self._token, self._lock_ms)
            except RedisError as error:
                missed += 1
                _log.warning("lock not renewed", error=str(error), missed=missed)
                if missed < _RENEWALS_A_LIFE:
                    continue
                renewed = 0
            if not renewed:
                self._lost.set()
                return
            missed = 0


def drop_generations(redis: Redis, prefix: str, *, keep: Sequence[int]) -> int:
    """Unlink, a few at a time, the states of every generation not in `keep`; how many keys went.

    Closed offsets stay for a day: without one, a worker that slept could take its partition for a new one.
    """
    pattern = re.compile(
        re.escape(prefix.encode()) + rb"\{events-\d+\}(?::g(\d+))?:(state:|received$|outbox$|owed$|offset$)", re.S
    )
    match = glob_literal(prefix.encode()) + b"{events-*"
    dropped = 0
    for keys in _pieces(redis.scan_iter(match, count=1000), _UNLINKED_KEYS):
        found = [(key, pattern.match(key)) for key in keys]
        gone = [(key, one[2]) for key, one in found if one is not None and int(one[1] or 0) not in keep]
        pipe = redis.pipeline(transaction=False)
        for key, kind in gone:
            if kind == b"offset":
                pipe.expire(key, _CLOSED_KEPT_S)
            else:
                pipe.unlink(key)
        pipe.execute()
        dropped += sum(kind != b"offset" for _, kind in gone)
    return dropped


def _pieces(keys: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    while piece := list(islice(keys, size)):
        yield piece
