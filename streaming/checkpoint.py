"""States and offsets in Redis: read together, committed together, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from contracts.keys import StateKeys
from contracts.lanes import OWN_BULK
from contracts.settings import Settings
from streaming.generations import active_generation, closed_by, reopen

# KEYS: offset, received, outbox, owed, states. ARGV: the offset the batch started from ("" for
# none), the next offset; how many received pairs, and those; how many profiles are paid, and those;
# how many are owed, and those; "1" and the outbox, or "0"; the states' bytes. Returns whether it did it: the
# offset stored does not tell, for another worker's batch may have ended where this one does.
# All keys share a hash tag, and Redis runs a script whole or, out of memory, not at all.
_COMMIT = """
local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= ARGV[1] then return 0 end
local at = 3
local function each(step, call)
  local last = at + step * tonumber(ARGV[at])
  for i = at + 1, last, step do call(i) end
  at = last + 1
end
each(2, function(i) redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end)
each(1, function(i) redis.call('SREM', KEYS[4], ARGV[i]) end)
each(1, function(i) redis.call('SADD', KEYS[4], ARGV[i]) end)
if ARGV[at] == '1' then
  if ARGV[at + 1] == '' then redis.call('DEL', KEYS[3]) else redis.call('SET', KEYS[3], ARGV[at + 1]) end
end
for i = 5, #KEYS do redis.call('SET', KEYS[i], ARGV[at + i - 3]) end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""

# KEYS: offset, outbox, owed. ARGV: the offset as of which this is done, profiles that are paid.
_RELEASE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
for i = 2, #ARGV do redis.call('SREM', KEYS[3], ARGV[i]) end
return 1
"""

_POSITION = """
return {redis.call('GET', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('GET', KEYS[3]),
        redis.call('SMEMBERS', KEYS[4])}
"""


@dataclass
class Position:
    """Where a partition's states stand: `offset` is the next to read, None before the first commit.

    `token` is the offset as it is written in Redis, which a commit must find there unchanged.
    `received` holds the newest offset taken in by source partition. `outbox` is what the newest
    batch sends, `owed` are profiles whose rows may be behind, both as of when this was read. A
    position is `closed` while its generation is about to be replaced.
    """

    offset: int | None
    token: str
    received: dict[int, int] = field(default_factory=dict)
    outbox: bytes = b""
    owed: list[str] = field(default_factory=list)
    closed: bool = False


@dataclass(frozen=True)
class Commit:
    """What one batch of one partition leaves: `states` by profile, `received` as far as it changed.

    `start` is the token that the batch started from, `next_token` the one it leaves. `outbox` is
    what it sends, None to leave the stored one alone. `owes` are profiles whose rows it leaves to
    be written, `paid` those whose rows have been since earlier batches.
    """

    partition: int
    start: str
    next_token: str
    states: Mapping[str, bytes]
    received: Mapping[int, int] = field(default_factory=dict)
    outbox: bytes | None = None
    owes: Collection[str] = ()
    paid: Collection[str] = ()

    def arguments(self) -> list[str | int | bytes]:
        """What the script takes beside the keys."""
        received = [number for pair in self.received.items() for number in pair]
        outbox = ["0", ""] if self.outbox is None else ["1", self.outbox]
        paid, owes = (self.paid, self.owes)
        return [
            self.start,
            self.next_token,
            len(self.received),
            *received,
            len(paid),
            *paid,
            len(owes),
            *owes,
            *outbox,
            *self.states.values(),
        ]


class Conflict(Exception):
    """The stored offset of `partitions` is not the one the batch started from: another worker was here."""

    def __init__(self, partitions: Iterable[int]) -> None:
        self.partitions = frozenset(partitions)
        super().__init__(f"another worker has committed on partitions {sorted(self.partitions)}")


def renewed(token: str) -> str:
    """The same offset written otherwise, so that whoever read `token` commits in vain and reads anew."""
    return f"0{token}"


def open_redis(settings: Settings) -> Redis:
    """The states' Redis. Slow beyond `redis.timeout_s` is an error, after which the worker waits."""
    timeout_s = max(settings.redis.timeout_s, 2.0)
    return Redis.from_url(settings.redis.url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)


class Checkpoint:
    """The worker's side of Redis. One round trip a call, however many partitions.

    Without a `generation` of its own it works on the one that was active when `follow` last looked.
    """

    def __init__(self, redis: Redis, *, prefix: str = "", generation: int | None = None) -> None:
        self._redis = redis
        self._prefix = prefix
        self._follows = generation is None
        self.generation = generation or 0

    def follow(self) -> bool:
        """Change over to the active generation; whether that is another. Raises RedisError."""
        if not self._follows:
            return False
        before, self.generation = self.generation, active_generation(self._redis, self._prefix)
        return self.generation != before

    def reopen(self, partition: int, token: str) -> bool:
        """Open a closed partition whose closer is gone; whether it was. Raises RedisError."""
        return reopen(self._redis, self._keys(partition), token, self._prefix)

    def positions(self, partitions: Sequence[int]) -> dict[int, Position]:
        """Each partition's position, offset and received read at one instant. Raises RedisError."""
        pipe = self._redis.pipeline(transaction=False)
        for partition in partitions:
            pipe.eval(_POSITION, 4, *_fixed(self._keys(partition)))
        answers: list[Any] = pipe.execute()
        found: dict[int, Position] = {}
        for partition, (offset, flat, outbox, owed) in zip(partitions, answers, strict=True):
            received = {int(flat[i]): int(flat[i + 1]) for i in range(0, len(flat), 2)}
            token = "" if offset is None else offset.decode()
            closed = closed_by(token) is not None
            owing = sorted(profile.decode() for profile in owed)
            offset = int(token) if token and not closed else None
            found[partition] = Position(offset, token, received, outbox or b"", owing, closed)
        return found

    def read(self, wanted: Mapping[int, Sequence[str]], starts: Mapping[int, str]) -> dict[int, list[bytes | None]]:
        """Stored bytes of the wanted profiles by partition, as of the tokens in `starts`.

        Raises Conflict where a partition's offset is another by now, RedisError.
        """
        pipe = self._redis.pipeline(transaction=False)
        for partition, profiles in wanted.items():
            keys = self._keys(partition)
            pipe.mget([keys.offset, *map(keys.state, profiles)])
        answers: list[list[bytes | None]] = pipe.execute()
        found: dict[int, list[bytes | None]] = {}
        moved = set()
        for partition, (offset, *states) in zip(wanted, answers, strict=True):
            found[partition] = states
            if (offset or b"").decode() != starts[partition]:
                moved.add(partition)
        if moved:
            raise Conflict(moved)
        return found

    def offsets(self, homes: Sequence[int]) -> dict[int, int]:
        """The next offset by Kafka partition, of both lanes of all `homes`, as it stands, closed or not.

        0 before the first commit. Raises RedisError.
        """
        pipe = self._redis.pipeline(transaction=False)
        for home in homes:
            pipe.get(self._keys(home).offset)
            pipe.hget(self._keys(home).received, str(OWN_BULK))
        answers: list[Any] = pipe.execute()
        found: dict[int, int] = {}
        for home, token, taken in zip(homes, answers[::2], answers[1::2], strict=True):
            found[home] = int((token or b"").decode().rpartition(":")[2] or 0)
            found[home + len(homes)] = 0 if taken is None else int(taken) + 1
        return found

    def commit(self, commits: Sequence[Commit]) -> set[int]:
        """Make each batch's states and offset the stored ones; the partitions where that was refused.

        Each partition is a transaction of its own. Raises RedisError, after which some may have
        been committed: read the positions again.
        """
        pipe = self._redis.pipeline(transaction=False)
        for commit in commits:
            keys = self._keys(commit.partition)
            names = [*_fixed(keys), *map(keys.state, commit.states)]
            pipe.eval(_COMMIT, len(names), *names, *commit.arguments())
        done: list[int] = pipe.execute()
        return {commit.partition for commit, committed in zip(commits, done, strict=True) if not committed}

    def release(self, done: Mapping[int, Collection[str]], tokens: Mapping[int, str]) -> None:
        """By partition: Kafka has the outbox, and these profiles' rows are written, as of its token.

        Where another worker has committed since, that one answers for both. Raises RedisError.
        """
        pipe = self._redis.pipeline(transaction=False)
        for partition, paid in done.items():
            keys = self._keys(partition)
            pipe.eval(_RELEASE, 3, keys.offset, keys.outbox, keys.owed, tokens[partition], *paid)
        pipe.execute()

    def owed(self, partitions: Sequence[int]) -> dict[int, list[str]]:
        """Profiles whose rows may be behind their states, by partition. Raises RedisError."""
        pipe = self._redis.pipeline(transaction=False)
        for partition in partitions:
            pipe.smembers(self._keys(partition).owed)
        found: list[set[bytes]] = pipe.execute()
        return {each: sorted(one.decode() for one in owed) for each, owed in zip(partitions, found, strict=True)}

    def _keys(self, partition: int) -> StateKeys:
        return StateKeys(partition, self._prefix, self.generation)


def _fixed(keys: StateKeys) -> tuple[str, str, str, str]:
    return keys.offset, keys.received, keys.outbox, keys.owed
