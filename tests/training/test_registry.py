"""The registry on a real SQLite file: versions, the champion, the way back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from contracts.item import Item
from contracts.model import Popularity, read_manifest, read_pointer
from contracts.settings import Settings
from features.tower_forward import TowerWeights
from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, DENSE_WIDTH, ORDER_BUCKETS
from training.artefact import Origin, TowerArrays, add_files, write_artefact
from training.registry import (
    NoPreviousChampion,
    RunRecord,
    UnknownVersion,
    champion,
    listed,
    log_run,
    promote,
    read_card,
    register,
    rollback,
)
from training.run import refusal

CARD = {"card.md": b"# A card"}
RECORD = RunRecord(
    parameters={"tower.dim": 2, "k": 10},
    metrics={"two_tower": {"ndcg_at_10": 0.25}},
    feature_service="two_tower_v1",
    snapshots={"events": 7_000_000_000_000},
    curves={"curve.loss": [0.5, 0.25]},
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One registry for the module, for making its tables takes seconds; each test registers its own versions."""
    return Settings(home=tmp_path_factory.mktemp("home"))


def registered(settings: Settings, name: str, files: Mapping[str, bytes] = CARD) -> str:
    zeros = np.zeros((2, 2), np.float32)
    weights = TowerWeights(
        history=zeros,
        age_logits=np.zeros(AGE_BUCKETS, np.float32),
        order_logits=np.zeros(ORDER_BUCKETS, np.float32),
        action_logits=np.zeros(ACTION_BUCKETS, np.float32),
        mean=np.zeros(DENSE_WIDTH, np.float32),
        scale=np.zeros(DENSE_WIDTH, np.float32),
        hidden=np.zeros((DENSE_WIDTH, 3), np.float32),
        hidden_bias=np.zeros(3, np.float32),
        out=np.zeros((3, 2), np.float32),
        country=zeros[:1],
    )
    directory = settings.model_dir / name
    arrays = TowerArrays(weights, zeros[:1], zeros[0, :1])
    write_artefact(directory, arrays, [Item("a", "A", 1.0, "c")], Popularity([], {}, {}), Origin("two_tower_v1"))
    add_files(directory, files)
    return register(settings, directory, RECORD)


def test_a_registered_version_has_its_files_and_its_run(settings: Settings) -> None:
    import mlflow

    version = registered(settings, "candidate-files")
    assert read_manifest(settings.model_dir / version).model_version == version
    assert not (settings.model_dir / "candidate-files").exists()
    client = mlflow.MlflowClient(settings.mlflow_uri, settings.mlflow_uri)
    run = client.get_run(client.get_model_version("clickloop-two-tower", version).run_id)
    assert run.data.params["tower.dim"] == "2"
    assert run.data.params["snapshot.events"] == "7000000000000"
    assert run.data.metrics["two_tower.ndcg_at_10"] == 0.25
    assert run.data.tags["feature_service"] == "two_tower_v1"
    losses = client.get_metric_history(run.info.run_id, "curve.loss")
    assert [(point.step, point.value) for point in losses] == [(1, 0.5), (2, 0.25)]


def test_mlflow_shows_what_a_version_reads_and_holds_its_files_under_the_versions_own_name(settings: Settings) -> None:
    import mlflow

    version = registered(settings, "candidate-signed")
    client = mlflow.MlflowClient(settings.mlflow_uri, settings.mlflow_uri)
    source = client.get_model_version("clickloop-two-tower", version).source
    logged = Path(mlflow.artifacts.download_artifacts(source))
    signature = mlflow.models.Model.load(str(logged)).signature
    inputs = {column.name: str(column.type) for column in signature.inputs}
    assert (inputs["events_total"], inputs["price_level"], inputs["country"]) == (
        "DataType.long",
        "DataType.double",
        "DataType.string",
    )
    assert inputs["recent_items"] == "Array(string)"
    assert signature.outputs.input_names() == ["item_id", "score"]
    assert read_manifest(logged).model_version == version
    assert (logged / "card.md").read_text() == read_card(settings, version, "card.md") == "# A card"


def test_the_list_names_the_champion_the_figures_and_what_cannot_be_served(settings: Settings) -> None:
    good, torn = registered(settings, "candidate-good"), registered(settings, "candidate-torn")
    promote(settings, good)
    (settings.model_dir / torn / "items.npz").write_bytes(b"")
    rows = {row.version: row for row in listed(settings)}
    assert (rows[good].champion, rows[good].error, rows[good].metrics["two_tower.ndcg_at_10"]) == (True, "", 0.25)
    assert (rows[torn].champion, "half-written or altered" in rows[torn].error) == (False, True)
    assert list(rows) == sorted(rows, key=int, reverse=True)
    with pytest.raises(UnknownVersion, match=rf"version {torn}: .*items\.npz: expected SHA-256"):
        promote(settings, torn)
    assert champion(settings) == good


def test_a_run_without_a_model_registers_none(settings: Settings) -> None:
    before = len(listed(settings))
    log_run(settings, RECORD, name="folds-2")
    assert len(listed(settings)) == before


def test_promote_moves_alias_and_pointer_and_rollback_goes_back(settings: Settings) -> None:
    first, second = registered(settings, "candidate-first"), registered(settings, "candidate-second")
    promote(settings, first)
    promote(settings, second)
    assert (champion(settings), read_pointer(settings.model_dir)) == (second, second)
    assert rollback(settings) == first
    assert (champion(settings), read_pointer(settings.model_dir)) == (first, first)
    assert [path.name for path in settings.model_dir.glob("champion*")] == ["champion"]


def test_promoting_the_champion_again_keeps_its_way_back(settings: Settings) -> None:
    first, second = registered(settings, "candidate-third"), registered(settings, "candidate-fourth")
    for version in (first, second, second):
        promote(settings, version)
    assert rollback(settings) == first


def test_an_unknown_version_is_answered_with_the_known_ones(settings: Settings) -> None:
    known = registered(settings, "candidate-known")
    with pytest.raises(UnknownVersion, match=rf"one of: .*\b{known}\b.*; came 'ninety'"):
        promote(settings, "ninety")


def test_a_version_whose_files_are_gone_is_not_promoted(settings: Settings) -> None:
    version = registered(settings, "candidate-gone")
    (settings.model_dir / version / "manifest.json").unlink()
    with pytest.raises(UnknownVersion, match="expected its files"):
        promote(settings, version)


def test_rollback_without_a_champion_or_before_the_first_says_so(tmp_path: Path) -> None:
    fresh = Settings(home=tmp_path)
    with pytest.raises(NoPreviousChampion, match="expected a champion to roll back from, came none"):
        rollback(fresh)
    promote(fresh, registered(fresh, "candidate-only"))
    with pytest.raises(NoPreviousChampion, match="it was the first"):
        rollback(fresh)


def table(**ndcg: float) -> dict[str, dict[str, float]]:
    return {name: {"ndcg_at_10": value} for name, value in ndcg.items()}


def test_the_first_model_needs_to_beat_popularity_alone() -> None:
    assert refusal(table(two_tower=0.2, popularity=0.1, popularity_decayed=0.15, item_knn=0.3), k=10) is None


@pytest.mark.parametrize("rival", ["popularity", "popularity_decayed", "champion"])
def test_a_model_that_does_not_beat_a_rival_is_refused_with_its_name(rival: str) -> None:
    figures = {"popularity": 0.1, "popularity_decayed": 0.1, "champion": 0.1} | {rival: 0.2}
    assert refusal(table(two_tower=0.2, **figures), k=10) == f"ndcg_at_10 0.2000 does not beat {rival}'s 0.2000"
