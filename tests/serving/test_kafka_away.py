"""Kafka away: no answer waits for it, what it misses is counted, and it is used again once back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.settings import KafkaSettings, Settings
from stack.kafka_server import KafkaServer
from stack.topics import create_topics
from tests.serving.service_process import ServiceProcess

BUFFER = 50


@pytest.fixture(scope="module")
def service(
    shop_settings: Settings, fragile_kafka: KafkaServer, start_service: Callable[..., ServiceProcess]
) -> ServiceProcess:
    kafka = KafkaSettings(bootstrap=fragile_kafka.bootstrap, topic_prefix=shop_settings.kafka.topic_prefix)
    settings = shop_settings.model_copy(update={"kafka": kafka})
    create_topics(settings)
    return start_service(settings, CLICKLOOP_SERVING_SERVED_BUFFER=str(BUFFER))


def logged(service: ServiceProcess) -> float:
    return service.metric("clickloop_serving_served_logged_total")


def test_answers_go_on_without_kafka_and_reach_it_again_once_it_is_back(
    service: ServiceProcess, fragile_kafka: KafkaServer
) -> None:
    service.recommend(anonymous_id="before")
    service.wait(lambda: logged(service) == 1)

    fragile_kafka.kill()
    answers = [service.recommend(anonymous_id="during", k=1) for _ in range(100)]
    service.wait(lambda: service.get("/health").body["kafka"]["state"] == "away")
    health = service.get("/health")

    assert all(len(answer["items"]) == 1 for answer in answers)
    assert health.status == 200
    service.wait(lambda: service.metric("clickloop_serving_served_dropped_total", reason="failed") > 0)

    fragile_kafka.start()
    kept = logged(service)

    def delivered() -> bool:
        service.recommend(anonymous_id="after")
        return logged(service) > kept

    service.wait(delivered)
    service.wait(lambda: service.get("/health").body["kafka"]["state"] == "up")
