"""MLflow's registry on a SQLite file, the champion's alias, and the pointer that serving watches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from platform import platform, python_version
from time import time_ns
from typing import Any, NamedTuple

from msgspec.structs import replace

from contracts.model import CHAMPION_ALIAS, POINTER_FILE, REGISTERED_MODEL, read_manifest, verify_files
from contracts.settings import Settings
from contracts.telemetry import silence
from training.artefact import write_manifest
from training.mlflow_signature import mlmodel_file

EXPERIMENT = "two-tower"
_PREVIOUS_TAG = "previous_champion"
_PACKAGES = ("feast", "numpy", "tensorflow", "tensorflow-recommenders", "tf-keras", "mlflow", "prefect", "pyiceberg")


class UnknownVersion(LookupError):
    """A version that the registry does not hold, or whose artefact is gone."""


class NoPreviousChampion(LookupError):
    """There is nothing to roll back to."""


@dataclass(frozen=True)
class RunRecord:
    """What a run leaves in MLflow: parameters, metrics by model, and where the data came from.

    `curves`: figures by epoch, the first epoch's first.
    """

    parameters: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    feature_service: str
    snapshots: Mapping[str, int]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


class Listed(NamedTuple):
    """A registered version: whether it is the champion, when it was made, its figures, and why it cannot be served."""

    version: str
    champion: bool
    created_at: str
    metrics: dict[str, float]
    error: str


def register(settings: Settings, artefact: Path, record: RunRecord) -> str:
    """Log a run, register `artefact` as a new version, and move it to `models/<version>`; returns the version."""
    mlflow, client = _connect(settings)
    with mlflow.start_run(experiment_id=_experiment(settings, client)) as run:
        _log(mlflow, client, run.info.run_id, record)
        source = f"{run.info.artifact_uri}/model"
        made = client.create_model_version(
            REGISTERED_MODEL, source, run.info.run_id, tags={"feature_service": record.feature_service}
        )
        version = str(made.version)
        manifest = replace(read_manifest(artefact), model_version=version)
        write_manifest(artefact, manifest)
        mlflow.log_artifacts(str(artefact), "model")
        mlflow.log_text(mlmodel_file(manifest.signature, run.info.run_id), "model/MLmodel")
    artefact.rename(settings.model_dir / version)
    return version


def log_run(settings: Settings, record: RunRecord, *, name: str) -> None:
    """Log a run that makes no model."""
    mlflow, client = _connect(settings)
    with mlflow.start_run(experiment_id=_experiment(settings, client), run_name=name) as run:
        _log(mlflow, client, run.info.run_id, record)


def listed(settings: Settings) -> list[Listed]:
    """Every registered version, the newest first."""
    _, client = _connect(settings)
    crowned = _champion(client)
    versions = client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
    return [
        Listed(
            version=str(made.version),
            champion=str(made.version) == crowned,
            created_at=datetime.fromtimestamp(made.creation_timestamp / 1e3, UTC).isoformat(timespec="seconds"),
            metrics=dict(client.get_run(made.run_id).data.metrics),
            error=_fault(settings.model_dir / str(made.version)),
        )
        for made in sorted(versions, key=lambda made: -int(made.version))
    ]


def read_card(settings: Settings, version: str, file: str) -> str:
    """The model card of a registered version, from one of its files. Raises UnknownVersion."""
    _, client = _connect(settings)
    _require(settings, client, version)
    try:
        return (settings.model_dir / version / file).read_text()
    except FileNotFoundError as error:
        raise UnknownVersion(f"version {version}: expected its card in {error.filename}, came no file") from error


def versions(settings: Settings) -> list[str]:
    """Every registered version, the newest first."""
    _, client = _connect(settings)
    return _versions(client)[::-1]


def champion(settings: Settings) -> str | None:
    """The version that holds the alias, or None."""
    _, client = _connect(settings)
    return _champion(client)


def promote(settings: Settings, version: str) -> None:
    """Make a registered version the champion: the alias, then the pointer. Raises UnknownVersion."""
    _, client = _connect(settings)
    _require(settings, client, version)
    current = _champion(client)
    if current is not None and current != version:
        client.set_model_version_tag(REGISTERED_MODEL, version, _PREVIOUS_TAG, current)
    _crown(settings, client, version)


def rollback(settings: Settings) -> str:
    """Make the champion before the present one champion again; returns it. Raises NoPreviousChampion."""
    _, client = _connect(settings)
    current = _champion(client)
    if current is None:
        raise NoPreviousChampion("expected a champion to roll back from, came none; `clickloop train` makes one")
    previous = client.get_model_version(REGISTERED_MODEL, current).tags.get(_PREVIOUS_TAG)
    if previous is None:
        raise NoPreviousChampion(f"expected a champion before version {current}, came none: it was the first")
    _require(settings, client, previous)
    _crown(settings, client, previous)
    return str(previous)


def _connect(settings: Settings) -> tuple[Any, Any]:
    silence(os.environ)
    import mlflow

    settings.model_dir.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.mlflow_uri)
    mlflow.set_registry_uri(settings.mlflow_uri)
    client = mlflow.MlflowClient()
    if not client.search_registered_models(f"name = '{REGISTERED_MODEL}'"):
        client.create_registered_model(REGISTERED_MODEL)
    return mlflow, client


def _experiment(settings: Settings, client: Any) -> str:
    known = client.get_experiment_by_name(EXPERIMENT)
    if known is not None:
        return str(known.experiment_id)
    return str(client.create_experiment(EXPERIMENT, (settings.home.resolve() / "mlartifacts").as_uri()))


def _champion(client: Any) -> str | None:
    aliases = client.get_registered_model(REGISTERED_MODEL).aliases
    return str(aliases[CHAMPION_ALIAS]) if CHAMPION_ALIAS in aliases else None


def _versions(client: Any) -> list[str]:
    return sorted((str(made.version) for made in client.search_model_versions(f"name = '{REGISTERED_MODEL}'")), key=int)


def _require(settings: Settings, client: Any, version: str) -> None:
    known = _versions(client)
    if version not in known:
        raise UnknownVersion(
            f"expected a registered version, one of: {', '.join(known) or 'none yet, `clickloop train` makes one'}; "
            f"came {version!r}"
        )
    fault = _fault(settings.model_dir / version)
    if fault:
        raise UnknownVersion(f"version {version}: {fault}")


def _fault(directory: Path) -> str:
    """What is wrong with a model's files; empty where nothing is."""
    try:
        verify_files(directory, read_manifest(directory))
    except FileNotFoundError:
        return f"expected its files in {directory}"
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _log(mlflow: Any, client: Any, run_id: str, record: RunRecord) -> None:
    from mlflow.entities import Metric

    mlflow.log_params(dict(record.parameters))
    mlflow.log_params({f"snapshot.{table}": snapshot for table, snapshot in record.snapshots.items()})
    mlflow.set_tags({"feature_service": record.feature_service})
    mlflow.log_metrics(
        {f"{model}.{name}": value for model, row in record.metrics.items() for name, value in row.items()}
    )
    now_ms = time_ns() // 1_000_000
    points = [
        Metric(name, value, now_ms, step)
        for name, values in record.curves.items()
        for step, value in enumerate(values, start=1)
    ]
    client.log_batch(run_id, metrics=points)
    mlflow.log_dict(_environment(), "environment.json")
    mlflow.log_dict(dict(record.parameters), "configuration.json")


def _crown(settings: Settings, client: Any, version: str) -> None:
    client.set_registered_model_alias(REGISTERED_MODEL, CHAMPION_ALIAS, version)
    # Serving may read the pointer at any moment: it is replaced whole, never written to.
    pointer = settings.model_dir / POINTER_FILE
    draft = pointer.with_name(f"{POINTER_FILE}.{os.getpid()}")
    draft.write_text(f"{version}\n")
    draft.replace(pointer)


def _environment() -> dict[str, str]:
    packages = {name: installed(name) for name in _PACKAGES}
    return {"python": python_version(), "platform": platform(), **packages}
