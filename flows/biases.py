"""The step between two fits as a flow: tasks around `training.learn_biases`, and nothing else."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from contracts.settings import load_settings
from training import learn_biases as learning

# Reading may meet a lake in mid-commit.
learn = task(retries=2, retry_delay_seconds=5, timeout_seconds=600, cache_policy=NO_CACHE)(learning.learn_biases)
publish = task(retries=1, timeout_seconds=60, cache_policy=NO_CACHE)(learning.publish_biases)


@flow(name="learn-biases", persist_result=False, validate_parameters=True)
def learn_biases() -> dict[str, Any]:
    """Learn the champion's item biases anew from what was bought since its cutoff; says what was learned."""
    settings = load_settings()
    published: dict[str, Any] = publish(settings, learn(settings))
    return published
