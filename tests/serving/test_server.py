"""What the libraries beneath read from the environment."""

from __future__ import annotations

from contracts.settings import Settings
from serving.server import prepare_environment


def test_bentoml_keeps_to_the_home_and_reports_nothing() -> None:
    environ: dict[str, str] = {}
    settings = Settings()

    prepare_environment(settings, environ)

    assert environ["BENTOML_HOME"] == str(settings.home / "bentoml")
    assert environ["BENTOML_DO_NOT_TRACK"] == "True"


def test_counters_of_another_process_are_not_shared() -> None:
    environ = {"PROMETHEUS_MULTIPROC_DIR": "/somewhere"}

    prepare_environment(Settings(), environ)

    assert "PROMETHEUS_MULTIPROC_DIR" not in environ


def test_the_owners_choice_of_threads_stands() -> None:
    environ = {"OPENBLAS_NUM_THREADS": "4"}

    prepare_environment(Settings(), environ)

    assert environ["OPENBLAS_NUM_THREADS"] == "4"
