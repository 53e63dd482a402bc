"""A home with a catalogue, a store that knows the views, and the service on top of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.item import Item
from contracts.settings import Settings
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import PROJECT, make_settings
from tests.serving.service_process import ServiceProcess
from tests.serving.visitors import Visitors

CATEGORIES = ("kitchen", "garden", "light")
ITEMS = tuple(Item(f"item-{number:03}", f"Item {number}", 1.0 + number, CATEGORIES[number % 3]) for number in range(60))


def write_catalogue(settings: Settings, items: tuple[Item, ...] = ITEMS) -> None:
    """Lay the loaded catalogue where the service looks for it."""
    columns = {name: [getattr(item, name) for item in items] for name in Item.__struct_fields__}
    waiting = settings.catalogue_path.with_suffix(".new")
    pq.write_table(pa.table(columns), waiting)
    waiting.replace(settings.catalogue_path)


def register(settings: Settings) -> Any:
    """The store of these settings, its views registered."""
    from feature_repo.store import apply

    with warnings.catch_warnings():
        # Feast calls on-demand views experimental at each registration.
        warnings.simplefilter("ignore", RuntimeWarning)
        return apply(settings)


@pytest.fixture(scope="module")
def fragile_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka of the module's own, to be killed."""
    server = KafkaServer(PROJECT, tmp_path_factory.mktemp("fragile-kafka"), heap_mb=256)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's home folder."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def shop_settings(home: Path, kafka: KafkaServer, redis_server: RedisServer) -> Settings:
    """The module's settings on the session's servers, topics made and catalogue loaded."""
    settings = make_settings(home, bootstrap=kafka.bootstrap, redis_url=redis_server.url)
    create_topics(settings)
    write_catalogue(settings)
    return settings


@pytest.fixture(scope="module")
def store(shop_settings: Settings) -> Any:
    """The module's Feast store, its views registered."""
    return register(shop_settings)


@pytest.fixture(scope="module")
def visitors(shop_settings: Settings, store: Any) -> Visitors:
    """Gives visitors a past."""
    return Visitors(shop_settings, store)


@pytest.fixture(scope="module")
def start_service() -> Iterator[Callable[..., ServiceProcess]]:
    """Starts services; stops them when the module is done."""
    started: list[ServiceProcess] = []

    def start(settings: Settings, *, ready: bool = True, **overrides: str) -> ServiceProcess:
        service = ServiceProcess(settings, **overrides)
        started.append(service)
        return service.start(ready=ready)

    yield start
    for service in started:
        service.stop()
