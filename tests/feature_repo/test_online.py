"""The online store beside Feast's own: the same bytes, no row that goes back in time, generations."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

# First, for its package says how Feast is imported.
from feature_repo.online import ClickloopRedisOnlineStore, ClickloopRedisOnlineStoreConfig

# isort: split
from feast import RepoConfig
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import StringList, Value
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from contracts.keys import generation_key
from stack.ports import free_port
from stack.redis_server import RedisServer, redis_executable
from stack.server_process import ServerProcess

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
VIEW = SimpleNamespace(
    name="view", join_keys=["user_id"], features=[SimpleNamespace(name="text"), SimpleNamespace(name="words")]
)


def key(user: str) -> EntityKey:
    return EntityKey(join_keys=["user_id"], entity_values=[Value(string_val=user)])


def row(user: str, text: str, at: datetime) -> tuple[EntityKey, dict[str, Value], datetime, None]:
    return key(user), {"text": Value(string_val=text), "words": Value(string_list_val=StringList(val=[text]))}, at, None


def text_of(store: Any, config: RepoConfig, user: str) -> str | None:
    ((_, values),) = store.online_read(config, VIEW, [key(user)], ["text"])
    return None if values is None else str(values["text"].string_val)


@pytest.fixture
def place(redis_server: RedisServer, tmp_path: Path) -> SimpleNamespace:
    """Where a test's rows are: the connection, and a project of its own."""
    port = redis_server.url.split(":")[2].split("/")[0]
    return SimpleNamespace(
        url=redis_server.url, connection=f"127.0.0.1:{port},db=0", project=f"p{os.getpid()}_{tmp_path.name}"
    )


def config_of(place: SimpleNamespace, online: RedisOnlineStoreConfig) -> RepoConfig:
    made = RepoConfig(project=place.project, registry="none.db", provider="local", entity_key_serialization_version=3)
    made._online_store = online
    return made


def ours(place: SimpleNamespace, **options: Any) -> RepoConfig:
    online = ClickloopRedisOnlineStoreConfig(
        connection_string=place.connection, generation_key=generation_key(f"{place.project}-"), **options
    )
    return config_of(place, online)


def stock(place: SimpleNamespace) -> RepoConfig:
    return config_of(place, RedisOnlineStoreConfig(connection_string=place.connection))


def test_feasts_store_reads_what_this_one_writes_and_the_reverse(place: SimpleNamespace) -> None:
    mine, theirs = ClickloopRedisOnlineStore(), RedisOnlineStore()
    at = NOON + timedelta(microseconds=123_456)
    mine.online_write_batch(ours(place), VIEW, [row("ada", "by us", at)], None)
    theirs.online_write_batch(stock(place), VIEW, [row("bob", "by Feast", at)], None)
    for user in ("ada", "bob", "nobody"):
        expected = theirs.online_read(stock(place), VIEW, [key(user)])
        assert mine.online_read(ours(place), VIEW, [key(user)]) == expected
        assert asyncio.run(mine.online_read_async(ours(place), VIEW, [key(user)])) == expected
    assert text_of(theirs, stock(place), "ada") == "by us"
    with Redis.from_url(place.url) as redis:
        written = {redis.hlen(one) for one in redis.scan_iter(f"*{place.project}")}
    assert written == {3}


INSTANTS = [
    datetime(1902, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
    datetime(1970, 1, 1, 0, 2, 8, tzinfo=UTC),
    NOON,
    NOON + timedelta(microseconds=1),
    NOON + timedelta(milliseconds=999),
    NOON + timedelta(seconds=1),
    datetime(2100, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("stored", INSTANTS)
def test_times_are_compared_as_feast_compares_them(place: SimpleNamespace, stored: datetime) -> None:
    mine, theirs = ClickloopRedisOnlineStore(), RedisOnlineStore()
    for number, at in enumerate(INSTANTS):
        for store, config, user in ((mine, ours(place), f"ours-{number}"), (theirs, stock(place), f"stock-{number}")):
            store.online_write_batch(config, VIEW, [row(user, "first", stored)], None)
            store.online_write_batch(config, VIEW, [row(user, "second", at)], None)
        came = text_of(mine, ours(place), f"ours-{number}")
        assert came == ("second" if at > stored else "first"), f"{at} over {stored}"
        if stored.year >= 1970:  # Feast takes any row to be newer than one from before.
            assert came == text_of(theirs, stock(place), f"stock-{number}")


def test_of_rows_of_one_entity_in_one_batch_the_newest_stands(place: SimpleNamespace) -> None:
    store, config = ClickloopRedisOnlineStore(), ours(place)
    progressed: list[int] = []
    rows = [row("ada", str(n), NOON + timedelta(seconds=n)) for n in (1, 3, 2)]
    store.online_write_batch(config, VIEW, rows, progressed.append)
    assert text_of(store, config, "ada") == "3"
    assert sum(progressed) == 3


def test_writers_at_the_same_time_never_leave_an_older_row(place: SimpleNamespace) -> None:
    rounds = 40

    def write(first: int) -> None:
        store = ClickloopRedisOnlineStore()
        for number in range(first, rounds * 4, 4):
            rows = [row(f"u{user}", str(number), NOON + timedelta(seconds=number)) for user in range(50)]
            store.online_write_batch(ours(place), VIEW, rows, None)

    writers = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    store = ClickloopRedisOnlineStore()
    assert {text_of(store, ours(place), f"u{user}") for user in range(50)} == {str(rounds * 4 - 1)}


def test_rows_expire_and_skip_dedup_writes_anyway(place: SimpleNamespace) -> None:
    store = ClickloopRedisOnlineStore()
    mortal = ours(place, key_ttl_seconds=100, skip_dedup=True)
    store.online_write_batch(mortal, VIEW, [row("ada", "newer", NOON)], None)
    store.online_write_batch(mortal, VIEW, [row("ada", "older", NOON - timedelta(days=1))], None)
    assert text_of(store, mortal, "ada") == "older"
    with Redis.from_url(place.url) as redis:
        (name,) = redis.scan_iter(f"*{place.project}")
        assert 0 < int(redis.ttl(name)) <= 100


def test_readers_follow_the_pointer_and_writers_write_where_they_are_told(place: SimpleNamespace) -> None:
    reader, writer = ClickloopRedisOnlineStore(), ClickloopRedisOnlineStore()
    following = ours(place)
    writer.online_write_batch(following, VIEW, [row("ada", "old", NOON)], None)
    # Older than the row that serves, for a rebuilt one may be.
    writer.online_write_batch(ours(place, generation=2), VIEW, [row("ada", "new", NOON - timedelta(days=1))], None)
    assert text_of(reader, following, "ada") == "old"
    assert text_of(reader, ours(place, generation=2), "ada") == "new"
    with Redis.from_url(place.url) as redis:
        redis.set(generation_key(f"{place.project}-"), 2)
    assert text_of(reader, following, "ada") == "new"
    assert text_of(reader, ours(place, generation=0), "ada") == "old"
    writer.online_write_batch(following, VIEW, [row("bob", "new", NOON)], None)
    assert text_of(reader, ours(place, generation=2), "bob") == "new"


def test_users_rows_of_other_generations_go_items_and_other_projects_rows_stay(place: SimpleNamespace) -> None:
    store = ClickloopRedisOnlineStore()
    neighbour = SimpleNamespace(**{**vars(place), "project": f"x{place.project}"})
    for generation in (0, 3, 11):
        for whose in (place, neighbour):
            store.online_write_batch(ours(whose, generation=generation), VIEW, [row("a@b", "text", NOON)], None)
    item = EntityKey(join_keys=["item_id"], entity_values=[Value(string_val="i")])
    shelf = SimpleNamespace(name="shelf", join_keys=["item_id"], features=[SimpleNamespace(name="text")])
    store.online_write_batch(ours(place, generation=3), shelf, [(item, row("", "item", NOON)[1], NOON, None)], None)
    assert store.drop_generations(ours(place), keep=[11]) == 2
    left = [text_of(store, ours(whose, generation=n), "a@b") for whose in (place, neighbour) for n in (0, 3, 11)]
    assert left == ["", "", "text", "text", "text", "text"]
    ((_, values),) = store.online_read(ours(place, generation=11), shelf, [item], ["text"])
    assert values["text"].string_val == "item", "an item has one row, whichever generation serves"


def test_a_deletion_touches_one_generation(place: SimpleNamespace) -> None:
    store = ClickloopRedisOnlineStore()
    for generation in (0, 1, 11):
        store.online_write_batch(ours(place, generation=generation), VIEW, [row("ada", "text", NOON)], None)
    store.delete_table(ours(place, generation=1), VIEW)
    left = {n: text_of(store, ours(place, generation=n), "ada") for n in (0, 1, 11)}
    assert left == {0: "text", 1: "", 11: "text"}
    store.delete_table(ours(place, generation=0), VIEW)
    assert text_of(store, ours(place, generation=11), "ada") == "text"


def test_a_read_asks_once_while_the_pointer_rests(place: SimpleNamespace) -> None:
    store, config = ClickloopRedisOnlineStore(), ours(place)
    with Redis.from_url(place.url) as redis:
        redis.set(generation_key(f"{place.project}-"), 3)
        store.online_write_batch(config, VIEW, [row("ada", "text", NOON)], None)
        text_of(store, config, "ada")
        before = int(redis.info("commandstats")["cmdstat_hmget"]["calls"])
        text_of(store, config, "ada")
        assert int(redis.info("commandstats")["cmdstat_hmget"]["calls"]) == before + 1


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A Redis Cluster of one node, which refuses what spans slots as a large one does."""
    # The node takes the port 10,000 above for its own talk.
    port = next(port for port in iter(free_port, None) if port < 55_000)
    server = ServerProcess("Redis", tmp_path / "cluster.log")
    options = ["--cluster-enabled", "yes", "--dir", str(tmp_path), "--save", "", "--bind", "127.0.0.1"]
    server.start([str(redis_executable()), "--port", str(port), *options], cwd=tmp_path)
    with Redis(port=port) as node:
        server.wait_ready(lambda: _answers(node), timeout_s=30)
        node.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        server.wait_ready(lambda: b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO"), timeout_s=30)
    yield f"127.0.0.1:{port}"
    server.stop()


def _answers(node: Redis) -> bool:
    try:
        return bool(node.ping())
    except RedisConnectionError:
        return False


def test_on_a_cluster_rows_of_many_slots_are_written_and_guarded(cluster: str) -> None:
    store = ClickloopRedisOnlineStore()
    config = ours(SimpleNamespace(connection=cluster, project="p"), redis_type="redis_cluster")
    store.online_write_batch(config, VIEW, [row(f"u{n}", "new", NOON) for n in range(40)], None)
    old = [row(f"u{n}", "old", NOON - timedelta(seconds=1)) for n in range(40)]
    store.online_write_batch(config, VIEW, old, None)
    assert {text_of(store, config, f"u{n}") for n in range(40)} == {"new"}
