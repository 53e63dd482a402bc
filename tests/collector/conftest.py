"""A running collector, shared by a module's tests, or one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.settings import KafkaSettings, SecretsSettings, Settings
from stack.kafka_server import KafkaServer
from stack.topics import create_topics
from tests.collector.running import RunningCollector, running_collector

_SECRETS = {"pseudonym_key": "a pseudonym key of the tests", "write_key": "write-key-0123", "admin_token": "none"}


def collector_settings(home: Path, bootstrap: str) -> Settings:
    """Settings with topics of their own on a broker, made there."""
    prefix = f"{home.parent.name[-24:].strip('-_.')}-{id(home)}-"
    settings = Settings(
        home=home,
        kafka=KafkaSettings(bootstrap=bootstrap, topic_prefix=prefix),
        secrets=SecretsSettings.model_validate(_SECRETS),
    )
    home.mkdir()
    create_topics(settings)
    return settings


@pytest.fixture(scope="module")
def shared_collector(tmp_path_factory: pytest.TempPathFactory, kafka: KafkaServer) -> Iterator[RunningCollector]:
    """One collector for a module's tests."""
    folder = tmp_path_factory.mktemp("collector")
    settings = collector_settings(folder / "home", kafka.bootstrap)
    with running_collector(settings, folder / "collector.log") as running:
        yield running


@pytest.fixture
def collector(shared_collector: RunningCollector) -> RunningCollector:
    """The module's collector, having written nothing as far as the test sees. Never stop it."""
    shared_collector.mark()
    return shared_collector


@pytest.fixture
def own_collector(kafka: KafkaServer, tmp_path: Path) -> Iterator[RunningCollector]:
    """A collector and topics of the test's own."""
    settings = collector_settings(tmp_path / "home", kafka.bootstrap)
    with running_collector(settings, tmp_path / "collector.log") as running:
        yield running
