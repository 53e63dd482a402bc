"""The online store: Feast's Redis store, with rows that cannot go back in time, in generations.

Keys, fields and encodings are Feast's own: its stock store reads what is written here, and the
reverse. Feast reads the times of its rows, compares them in Python and writes afterwards, so that
of two writers the slower may put an old row over a new one; here Redis compares and writes in one
script. Users' rows of a generation above 0 end in `@` and its number, and readers follow the pointer;
other entities, which no rebuild makes anew, have one generation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from feast import FeatureView, RepoConfig, utils
from feast.infra.online_stores.helpers import _mmh3, _redis_key, _redis_key_prefix
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig, _versioned_fv_name
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from redis import RedisCluster

from contracts.keys import generation_key, glob_literal

_CHUNK_ROWS = 500
_USERS = ["user_id"]
_USERS_PREFIX = _redis_key_prefix(_USERS)

# KEYS: the rows' keys. ARGV: the time's field, seconds to live (0 for ever), "1" to compare times;
# then for each row its encoded time, the number of its fields, their names and values. Returns how
# many rows were written. A time is a protobuf Timestamp, decoded here: field 1 seconds, 2 nanoseconds.
_WRITE = """
local function decoded(bytes)
  local at, found = 1, {0, 0}
  while at <= #bytes do
    local field, sum, scale, negative, first = string.byte(bytes, at) / 8, 0, 1, 0, at + 1
    at = first
    while string.byte(bytes, at) >= 128 do at = at + 1 end
    local minus = at - first == 9
    for i = first, minus and at - 1 or at do
      local seven = string.byte(bytes, i) % 128
      sum = sum + (minus and 127 - seven or seven) * scale
      scale = scale * 128
    end
    found[field] = minus and -(sum + 1) or sum
    at = at + 1
  end
  return found[1], found[2]
end
local written, at = 0, 4
for row = 1, #KEYS do
  local time, fields = ARGV[at], tonumber(ARGV[at + 1])
  local stored = ARGV[3] == '1' and redis.call('HGET', KEYS[row], ARGV[1])
  local newer = true
  if stored and stored ~= '' then
    local s, n = decoded(stored)
    local seconds, nanos = decoded(time)
    newer = (s == 0 and n == 0) or seconds > s or (seconds == s and nanos > n)
  end
  if newer then
    redis.call('HSET', KEYS[row], ARGV[1], time, unpack(ARGV, at + 2, at + 1 + 2 * fields))
    if ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[row], ARGV[2]) end
    written = written + 1
  end
  at = at + 2 + 2 * fields
end
return written
"""

Feature = tuple[EntityKey, dict[str, Value], datetime, datetime | None]
Commands = list[tuple[bytes, list[str | bytes]]]


# A row as Redis holds it: key (of generation 0), protobuf Timestamp, field names and values in turn.
EncodedRow = tuple[bytes, bytes, Sequence[bytes]]


class ClickloopRedisOnlineStoreConfig(RedisOnlineStoreConfig):  # type: ignore[misc]
    """Settings of the store in `feature_store.yaml`; Feast finds this class by its name."""

    type: str = "feature_repo.online.ClickloopRedisOnlineStore"
    # Which generation is written and read; None for the one that the pointer names at that instant.
    generation: int | None = None
    # The pointer's key.
    generation_key: str = generation_key()


class ClickloopRedisOnlineStore(RedisOnlineStore):  # type: ignore[misc]
    """Feast's Redis store with guarded writes and generations; clients, TTL and scans are Feast's."""

    # Where readers found the pointer last: they ask there first, and again where it has moved.
    _seen_generation = 0

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: Sequence[Feature], progress: Callable[[int], Any] | None
    ) -> None:
        """Write rows that are newer than the stored ones, compared and written at one instant. Raises RedisError."""
        view = _versioned_fv_name(table, config)
        names: dict[str, bytes] = {}
        rows: list[EncodedRow] = []
        for entity_key, values, at, _ in data:
            time = Timestamp()
            time.FromDatetime(utils.make_tzaware(at))
            fields = []
            for name, value in values.items():
                if name not in names:
                    names[name] = _mmh3(f"{view}:{name}")
                fields += [names[name], value.SerializeToString()]
            rows.append((self.row_key(config, entity_key), time.SerializeToString(), fields))
        self.write_encoded(config, {f"_ts:{view}": rows}, progress)

    async def online_write_batch_async(
        self, config: RepoConfig, table: FeatureView, data: Sequence[Feature], progress: Callable[[int], Any] | None
    ) -> None:
        """The same, beside an event loop."""
        await asyncio.to_thread(self.online_write_batch, config, table, data, progress)

    def row_key(self, config: RepoConfig, entity_key: EntityKey) -> bytes:
        """The key of an entity's row in generation 0."""
        key: bytes = _redis_key(config.project, entity_key, config.entity_key_serialization_version)
        return key

    def write_encoded(
        self,
        config: RepoConfig,
        views: Mapping[str, Sequence[EncodedRow]],
        progress: Callable[[int], Any] | None = None,
    ) -> None:
        """Write rows that their owner has encoded already, by their view's field of times, in one round trip.

        Otherwise as `online_write_batch`. Raises RedisError.
        """
        if not any(views.values()):
            return
        options = config.online_store
        client: Any = self._get_client(options)
        suffix = _suffix(self._generation(config))
        # A script may touch one slot only in a cluster, and Feast's keys have no hash tag.
        size = 1 if isinstance(client, RedisCluster) else _CHUNK_ROWS
        tail = [options.key_ttl_seconds or 0, "0" if options.skip_dedup else "1"]
        with client.pipeline(transaction=False) as pipe:
            for time_field, rows in views.items():
                for start in range(0, len(rows), size):
                    chunk = rows[start : start + size]
                    keys = [_keyed(key, suffix) for key, _, _ in chunk]
                    pipe.execute_command("EVAL", _WRITE, len(keys), *keys, time_field, *tail, *_arguments(chunk))
            pipe.execute()
        if progress is not None:
            progress(sum(map(len, views.values())))

    def delete_entity_values(self, config: RepoConfig, join_keys: list[str]) -> None:
        """Delete every row of an entity, in the generation that `config` names or the pointer."""
        super().delete_entity_values(self._of_generation(config, join_keys), join_keys)

    def delete_table(self, config: RepoConfig, table: FeatureView) -> None:
        """Delete every row of a view, in the generation that `config` names or the pointer."""
        super().delete_table(self._of_generation(config, table.join_keys), table)

    def drop_generations(self, config: RepoConfig, keep: Sequence[int]) -> int:
        """Unlink, a few at a time, the users' rows of every generation not in `keep`; how many. Raises RedisError."""
        client: Any = self._get_client(config.online_store)
        project = config.project.encode()
        dropped, gone = 0, []
        for key in client.scan_iter(glob_literal(_USERS_PREFIX) + b"*" + project + b"*", count=1000):
            generation = _generation_of(key, project)
            if generation is not None and generation not in keep:
                gone.append(key)
            if len(gone) == _CHUNK_ROWS:
                dropped += client.unlink(*gone)
                gone.clear()
        return dropped + (client.unlink(*gone) if gone else 0)

    def _of_generation(self, config: RepoConfig, join_keys: list[str]) -> RepoConfig:
        if list(join_keys) != _USERS:
            return config
        # Feast finds rows by the end of their keys, the project; here the generation follows it.
        suffix = _suffix(self._generation(config)).decode()
        return config.model_copy(update={"project": config.project + suffix})

    def _generation(self, config: RepoConfig) -> int:
        options = config.online_store
        if options.generation is not None:
            return int(options.generation)
        return _number(self._get_client(options).get(options.generation_key))

    def _read_hash_fields(self, config: RepoConfig, commands: Commands) -> list[list[bytes | None]]:
        """One HMGET a command, with the pointer in the same round trip.

        The pointer comes last: where it still names the generation just read, that one was in
        force while its rows were read, and whoever deletes an old one does so after the switch.
        """
        options = config.online_store
        generation = self._seen_generation if options.generation is None else int(options.generation)
        client = self._get_client(options)
        while True:
            suffix = _suffix(generation)
            with client.pipeline(transaction=False) as pipe:
                for key, fields in commands:
                    pipe.hmget(_keyed(key, suffix), fields)
                pipe.get(options.generation_key)
                answers: list[Any] = pipe.execute()
            *rows, pointer = answers
            if options.generation is not None or _number(pointer) == generation:
                return rows
            generation = self._seen_generation = _number(pointer)

    async def online_read_async(self, *arguments: Any, **named: Any) -> Any:
        """`online_read` beside an event loop."""
        return await asyncio.to_thread(self.online_read, *arguments, **named)

    async def _read_features_per_fv_async(self, *arguments: Any, **named: Any) -> None:
        await asyncio.to_thread(self._read_features_per_fv, *arguments, **named)


def _arguments(rows: Sequence[EncodedRow]) -> Iterator[bytes | int]:
    for _, time, fields in rows:
        yield time
        yield len(fields) // 2
        yield from fields


def _keyed(key: bytes, suffix: bytes) -> bytes:
    return key + suffix if key.startswith(_USERS_PREFIX) else key


def _generation_of(key: bytes, project: bytes) -> int | None:
    """The generation of a user's row; None where it is another project's."""
    # After the prefix come the value's type, its length and the value: 4, 4 and so many bytes.
    start = len(_USERS_PREFIX) + 8
    rest = key[start + int.from_bytes(key[start - 4 : start], "little") :]
    name, _, generation = rest.rpartition(b"@")
    if rest == project:
        return 0
    return int(generation) if name == project and generation.isdigit() else None


def _suffix(generation: int) -> bytes:
    return b"@%d" % generation if generation else b""


def _number(pointer: bytes | None) -> int:
    return int(pointer or 0)
