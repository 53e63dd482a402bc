"""The training flow: tasks around the steps of `training.run`, and nothing else.

Runs as a plain call, with Prefect's ephemeral server behind it, or by the deployment in
`prefect.yaml`. Steps hand each other live objects, so nothing is cached or persisted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from contracts.settings import load_settings
from flows.biases import learn_biases
from training import assess as assessing
from training import collect as collecting
from training import continued, run
from training import folds as validation
from training.config import StoppingConfig, TrainingConfig

# Reading may meet a lake in mid-commit and the registry a locked database: those are worth another try.
collect = task(retries=2, retry_delay_seconds=5, timeout_seconds=600, cache_policy=NO_CACHE)(collecting.collect)
fit = task(retries=0, timeout_seconds=3600, cache_policy=NO_CACHE)(run.fit)
fit_ranker = task(retries=0, timeout_seconds=3600, cache_policy=NO_CACHE)(run.fit_ranker)
collect_warm = task(retries=2, retry_delay_seconds=5, timeout_seconds=600, cache_policy=NO_CACHE)(
    continued.collect_warm
)
fit_warm = task(retries=0, timeout_seconds=3600, cache_policy=NO_CACHE)(continued.fit_warm)
write_candidate = task(retries=1, timeout_seconds=60, cache_policy=NO_CACHE)(run.write_candidate)
measure = task(retries=1, timeout_seconds=600, cache_policy=NO_CACHE)(run.measure)
assess = task(retries=1, timeout_seconds=300, cache_policy=NO_CACHE)(assessing.assess)
publish = task(retries=0, timeout_seconds=120, cache_policy=NO_CACHE)(run.publish)
decide = task(retries=1, retry_delay_seconds=2, timeout_seconds=60, cache_policy=NO_CACHE)(run.decide)

run_folds = task(retries=0, timeout_seconds=36_000, cache_policy=NO_CACHE)(validation.run_folds)
publish_folds = task(retries=0, timeout_seconds=120, cache_policy=NO_CACHE)(validation.publish_folds)


@flow(name="train-and-promote", persist_result=False, validate_parameters=True)
def train_and_promote(
    epochs: int | None = None, max_labels: int | None = None, watch: bool = False, warm: bool = False
) -> dict[str, Any]:
    """Train on the lake, register, and promote where the holdout shows it better; says what was decided and why.

    `epochs` and `max_labels` (the newest purchase moments) shorten a run; left out, the configuration's stand.
    `watch` finds the number of epochs by a fit watched from outside, and refits for it. `warm` goes on from the
    champion in a few steps; where that cannot be, the fit is a full one, and the decision says why.
    """
    settings = load_settings()
    config = TrainingConfig(max_labels=max_labels, stopping=StoppingConfig() if watch else None)
    if epochs is not None:
        config = replace(config, tower=replace(config.tower, epochs=epochs))
    collected = collect_warm(settings, config) if warm else collect(settings, config)
    fitted = fit_warm(collected, config) if warm else fit(collected, config)
    ranker = fit_ranker(settings, collected, config)
    candidate = write_candidate(settings, collected, fitted.arrays, config)
    measured = measure(settings, collected, candidate, config, ranker)
    reviewed = assess(settings, collected, candidate, fitted, measured, config)
    version = publish(settings, collected, candidate, fitted, reviewed, measured, config)
    decision: dict[str, Any] = decide(settings, version, measured, reviewed, config)
    if decision["promoted"]:
        # Its holdout is new to it. Without these biases it answers as fitted, so their failure is not the run's.
        learn_biases(return_state=True)
    return decision


@flow(name="validate-by-folds", persist_result=False, validate_parameters=True)
def validate_by_folds(folds: int, epochs: int | None = None) -> dict[str, Any]:
    """Fit and measure once for each of `folds` groups of visitors; registers and promotes nothing."""
    settings = load_settings()
    config = TrainingConfig()
    if epochs is not None:
        config = replace(config, tower=replace(config.tower, epochs=epochs))
    collected = collect(settings, config)
    ran = run_folds(collected, config, folds)
    report: dict[str, Any] = publish_folds(settings, collected, config, ran)
    return report
