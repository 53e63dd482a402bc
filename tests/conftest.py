"""Real servers for every test: one Kafka and one Redis a session, own ones for tests that break theirs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from contracts.settings import KafkaSettings, RedisSettings, SecretsSettings, Settings
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics

PROJECT = Path(__file__).resolve().parent.parent

# How long an example takes says more about the machine's other work than about the code.
hypothesis.settings.register_profile(
    "clickloop", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("clickloop")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """The session's broker: `.bootstrap`. Never stop it; take `own_kafka` for that."""
    server = KafkaServer(PROJECT, tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's Redis: `.url`. Never stop it; take `own_redis` for that."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A running broker of the test's own: `.stop()`, `.kill()`, `.start()` again on the same port and data."""
    server = KafkaServer(PROJECT, tmp_path / "own-kafka", heap_mb=256)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis of the test's own: `.stop()`, `.kill()`, `.start()` again on the same port and data."""
    server = RedisServer(tmp_path / "own-redis")
    server.start()
    yield server
    server.kill()


def make_settings(home: Path, *, bootstrap: str, redis_url: str) -> Settings:
    """Settings with a prefix, a home and secrets that no other test shares."""
    prefix = f"t{secrets.token_hex(4)}-"
    return Settings(
        home=home,
        project=PROJECT,
        kafka=KafkaSettings(bootstrap=bootstrap, topic_prefix=prefix),
        redis=RedisSettings(url=redis_url, key_prefix=prefix),
        secrets=SecretsSettings.model_validate(
            {name: secrets.token_hex(32) for name in ("pseudonym_key", "write_key", "admin_token")}
        ),
    )


@pytest.fixture
def settings(tmp_path: Path, kafka: KafkaServer, redis_server: RedisServer) -> Settings:
    """Settings bound to the session's servers, unique prefixes, a fresh home; the topics exist."""
    made = make_settings(tmp_path / "home", bootstrap=kafka.bootstrap, redis_url=redis_server.url)
    made.home.mkdir()
    create_topics(made)
    return made
