"""The processes of the stack: how each is started, where it listens, how one sees that it is well."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from contracts.settings import Settings
from stack.kafka_server import KafkaServer, kafka_ready
from stack.redis_server import RedisServer, redis_ready

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}
HEALTH_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Program:
    """One supervised process. `setting` is the environment variable that moves its port."""

    name: str
    host: str
    port: int
    setting: str
    healthy: Callable[[], bool] = field(repr=False)
    command: Callable[[], list[str]] = field(repr=False)
    ready_timeout_s: float = 60.0

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


def http_ok(host: str, port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def served_model(settings: Settings) -> str | None:
    """The version of the model that the running service answers with; None without one, or without a service."""
    connection = http.client.HTTPConnection(settings.serving.host, settings.serving.port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        version = json.loads(connection.getresponse().read()).get("model_version")
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return None if version is None else str(version)


def kafka_address(settings: Settings) -> tuple[str, int]:
    """Host and port of the first broker named."""
    host, _, port = settings.kafka.bootstrap.split(",")[0].rpartition(":")
    return host, int(port)


def redis_address(settings: Settings) -> tuple[str, int]:
    """Host and port of Redis."""
    parts = urlsplit(settings.redis.url)
    return parts.hostname or "", parts.port or 6379


def own_kafka(settings: Settings) -> KafkaServer | None:
    """The broker that the stack runs itself; None where the settings name one elsewhere."""
    host, port = kafka_address(settings)
    return KafkaServer(settings.project, settings.home / "kafka", port=port) if host in LOOPBACK_HOSTS else None


def own_redis(settings: Settings) -> RedisServer | None:
    """The Redis that the stack runs itself; None where the settings name one elsewhere."""
    host, port = redis_address(settings)
    return RedisServer(settings.home / "redis", port=port) if host in LOOPBACK_HOSTS else None


def servers(settings: Settings) -> list[Program]:
    """Kafka and Redis, where they are the stack's own."""
    found: list[Program] = []
    kafka, redis = own_kafka(settings), own_redis(settings)
    if kafka is not None:
        host, port = kafka_address(settings)
        found.append(
            Program(
                name="kafka",
                host=host,
                port=port,
                setting="CLICKLOOP_KAFKA_BOOTSTRAP",
                healthy=lambda: kafka_ready(f"{host}:{port}"),
                command=kafka.command,
            )
        )
    if redis is not None:
        redis_host, redis_port = redis_address(settings)
        found.append(
            Program(
                name="redis",
                host=redis_host,
                port=redis_port,
                setting="CLICKLOOP_REDIS_URL",
                healthy=lambda: redis_ready(redis_port, redis_host),
                command=redis.command,
            )
        )
    return found


def services(settings: Settings) -> list[Program]:
    """The stack's own processes, in the order of their start."""
    return [
        _python("collector", "collector", settings.collector.host, settings.collector.port, "/health"),
        _python("worker", "streaming.worker", settings.worker.metrics_host, settings.worker.metrics_port, "/metrics"),
        _python("lake", "streaming.lake", settings.lake.metrics_host, settings.lake.metrics_port, "/metrics"),
        _python("serving", "serving", settings.serving.host, settings.serving.port, "/health"),
        _python("shop", "shop", settings.shop.host, settings.shop.port, "/health"),
    ]


def programs(settings: Settings) -> list[Program]:
    """Every process of the stack, in the order of their start."""
    return [*servers(settings), *services(settings)]


def _python(name: str, module: str, host: str, port: int, path: str) -> Program:
    kind = "METRICS_PORT" if path == "/metrics" else "PORT"
    return Program(
        name=name,
        host=host,
        port=port,
        setting=f"CLICKLOOP_{name.upper()}_{kind}",
        healthy=lambda: http_ok(host, port, path),
        command=lambda: [_interpreter(), "-m", module],
        ready_timeout_s=120.0,
    )


def _interpreter() -> str:
    # The environment's own python, not the base interpreter behind its link.
    return str(Path(sys.prefix) / "bin" / "python")
