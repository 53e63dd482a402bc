"""States and offsets in Redis: read together, committed together, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from contracts.keys import StateKeys
from streaming.cells import Cell, decode_cell
from streaming.generations import active_generation, closed_by, reopen

# KEYS: offset, received, states. ARGV: the offset the batch started from ("" for none), the
# next offset, the number of received pairs, the pairs, the states' bytes. Returns the offset
# now stored. All keys share a hash tag, and Redis runs a script whole or, out of memory, not at all.
_COMMIT = """
local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= ARGV[1] then return stored end
local pairs_end = 3 + 2 * tonumber(ARGV[3])
for i = 4, pairs_end, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = 3, #KEYS do redis.call('SET', KEYS[i], ARGV[pairs_end + i - 2]) end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""


@dataclass
class Position:
    """Where a partition's states stand: `offset` is the next to read, None before the first commit.

    `token` is the offset as it is written in Redis, which a commit must find there unchanged.
    `received` holds the newest offset taken in by source partition. A position is `closed` while its
    generation is about to be replaced.
    """

    offset: int | None
    token: str
    received: dict[int, int] = field(default_factory=dict)
    closed: bool = False


@dataclass(frozen=True)
class Commit:
    """What one batch of one partition leaves: `states` by profile, `received` as far as it changed.

    `start` is the token that the batch started from, `next_token` the one it leaves.
    """

    partition: int
    start: str
    next_token: str
    states: Mapping[str, bytes]
    received: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A partition's next offset, and the cells asked for, in their order."""

    offset: int
    cells: list[Cell]


class Conflict(Exception):
    """The stored offset of `partitions` is not the one the batch started from: another worker was here."""

    def __init__(self, partitions: Iterable[int]) -> None:
        self.partitions = frozenset(partitions)
        super().__init__(f"another worker has committed on partitions {sorted(self.partitions)}")


def renewed(token: str) -> str:
    """The same offset written otherwise, so that whoever read `token` commits in vain and reads anew."""
    return f"0{token}"


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
            keys = self._keys(partition)
            pipe.eval("return {redis.call('GET', KEYS[1]), redis.call('HGETALL', KEYS[2])}", 2, *_both(keys))
        answers: list[Any] = pipe.execute()
        found: dict[int, Position] = {}
        for partition, (offset, flat) in zip(partitions, answers, strict=True):
            received = {int(flat[i]): int(flat[i + 1]) for i in range(0, len(flat), 2)}
            token = "" if offset is None else offset.decode()
            closed = closed_by(token) is not None
            found[partition] = Position(int(token) if token and not closed else None, token, received, closed)
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

    def stored(self, partition: int, profiles: Sequence[str]) -> Stored:
        """A partition's offset and cells as they stand now, whoever wrote them. Raises RedisError."""
        keys = self._keys(partition)
        answer: Any = self._redis.mget([keys.offset, *map(keys.state, profiles)])
        token = (answer[0] or b"").decode().rpartition(":")[2]
        return Stored(int(token or 0), [decode_cell(payload) for payload in answer[1:]])

    def commit(self, commits: Sequence[Commit]) -> set[int]:
        """Make each batch's states and offset the stored ones; the partitions where that was refused.

        Each partition is a transaction of its own. Raises RedisError, after which some may have
        been committed: read the positions again.
        """
        pipe = self._redis.pipeline(transaction=False)
        for commit in commits:
            keys = self._keys(commit.partition)
            names = [*_both(keys), *map(keys.state, commit.states)]
            received = [number for pair in commit.received.items() for number in pair]
            arguments: list[str | int | bytes] = [
                commit.start,
                commit.next_token,
                len(commit.received),
                *received,
                *commit.states.values(),
            ]
            pipe.eval(_COMMIT, len(names), *names, *arguments)
        answers: list[bytes] = pipe.execute()
        return {
            commit.partition
            for commit, stored in zip(commits, answers, strict=True)
            if stored != commit.next_token.encode()
        }

    def _keys(self, partition: int) -> StateKeys:
        return StateKeys(partition, self._prefix, self.generation)


def _both(keys: StateKeys) -> tuple[str, str]:
    return keys.offset, keys.received
