"""The flow over a part of the real purchases, and its deployment by Prefect's own command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.biases import biases_path, read_biases
from contracts.golden import read_golden
from contracts.model import RANKER_FILE, read_manifest, read_pointer
from contracts.settings import Settings
from features.evaluate import evaluate
from features.state import new_state
from serving.artefact import read_artefact
from stack.ports import free_port
from stack.redis_server import RedisServer
from tests.flows.runs import PROJECT, environment, fill, home, trained

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Settings:
    """A lake with all of them."""
    settings = home(tmp_path_factory.mktemp("flow"), redis_server)
    fill(settings)
    return settings


def test_flow_trains_promotes_and_then_refuses_an_equal_model(filled: Settings) -> None:
    first = trained(filled, epochs=12)
    table = first["metrics"]
    assert set(table) == {"popularity", "popularity_decayed", "item_knn", "two_tower", "two_tower_ranked"}
    assert table["two_tower"]["ndcg_at_10"] > table["popularity_decayed"]["ndcg_at_10"]
    assert (first["promoted"], first["champion"]) == (True, "1")
    assert read_pointer(filled.model_dir) == "1"
    manifest = read_manifest(filled.model_dir / "1")
    assert (manifest.model_version, manifest.feature_service) == ("1", "two_tower_v1")
    assert set(manifest.snapshots) == {"events", "user_behavior"}
    gap = first["gap"]
    assert gap["gap"] == gap["train_ndcg_at_10"] - gap["holdout_ndcg_at_10"]
    assert gap["holdout_ndcg_at_10"] == table["two_tower"]["ndcg_at_10"]
    card = json.loads((filled.model_dir / "1" / "card.json").read_text())
    assert card["metrics"] == table
    assert card["data"]["fitted_moments"] > card["data"]["holdout_moments"] > 0
    assert {part["by"] for part in card["slices"]} >= {"country", "items in the visitor's history"}
    # Serving reads it, so its own code answers the golden requests of real visitors as training did.
    artefact = read_artefact(filled.model_dir / "1")
    assert artefact.version == "1"
    assert artefact.tower.vector(evaluate(new_state(), 0)).shape == (manifest.dim,)
    requests = read_golden(filled.model_dir / "1").requests
    assert len(requests) == 32
    assert len({request.items for request in requests}) > 8

    # The ranker goes along where it raises NDCG alone, and then both are measured as one.
    better = table["two_tower_ranked"]["ndcg_at_10"] > table["two_tower"]["ndcg_at_10"]
    served = "two_tower_ranked" if better else "two_tower"
    assert first["ranker"]["served"] is better
    assert (filled.model_dir / "1" / RANKER_FILE).exists() is better
    # Serving's ranker has answered as training's did, or it would not be there.
    assert all(len(request.ranked) == (10 if better else 0) for request in requests)
    assert (artefact.ranker is not None, artefact.ranker_error) == (better, "")

    # What it had not seen of the fortnight before now has taught it its first biases.
    learned = read_biases(biases_path(filled.model_dir, "1"), "1", artefact.items)
    assert learned.moments > 50
    assert (learned.ranked, learned.snapshot_id) == (better, manifest.snapshots["events"])

    assert first["start"]["kind"] == "full"

    # Nothing is new since the champion, so the fit is a full one. The same data and the same seed: save, load
    # and fit again give identical recommendations, so no gain.
    second = trained(filled, epochs=12, warm=True)
    assert second["start"]["kind"] == "full"
    assert "expected a model that ends before this one's cutoff" in second["start"]["reason"]
    assert second["metrics"][served]["ndcg_at_10"] == second["metrics"]["champion"]["ndcg_at_10"]
    assert second["metrics"]["champion"]["ndcg_at_10"] == table[served]["ndcg_at_10"]
    assert (second["promoted"], second["champion"]) == (False, "1")
    assert "does not beat champion's" in second["reason"]
    assert read_pointer(filled.model_dir) == "1"


def test_folds_measure_and_change_nothing(filled: Settings) -> None:
    def models() -> tuple[set[str], str | None]:
        return {path.name for path in filled.model_dir.glob("*")}, read_pointer(filled.model_dir)

    before = models()
    report = trained(filled, flow="validate_by_folds", folds=2, epochs=2)
    assert len(report["folds"]) == 2
    two_tower = report["summary"]["two_tower"]
    assert two_tower["ndcg_at_10_mean"] > report["summary"]["popularity_decayed"]["ndcg_at_10_mean"] * 0.5
    assert two_tower["ndcg_at_10_spread"] > 0
    assert models() == before


@pytest.fixture
def prefect_server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a Prefect server of the test's own."""
    port = free_port()
    settings = Settings(home=tmp_path)
    own = environment(settings) | {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-services"]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=own, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(f"http://127.0.0.1:{port}/api/health", process)
            yield own
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, "the Prefect server ended at once"
            time.sleep(0.3)
    raise AssertionError(f"{url}: no answer within two minutes")


def _prefect(own: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [str(BIN / "prefect"), "--no-prompt", *arguments],
        cwd=PROJECT,
        env=own,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_committed_definition_deploys(prefect_server: dict[str, str]) -> None:
    _prefect(prefect_server, "work-pool", "create", "clickloop", "--type", "process")
    _prefect(prefect_server, "deploy", "--all")
    listed = _prefect(prefect_server, "deployment", "inspect", "train-and-promote/nightly", "--output", "json")
    deployment = json.loads(listed)
    assert deployment["entrypoint"] == "flows.training.train_and_promote"
    assert deployment["schedules"][0]["schedule"]["cron"] == "30 2 * * *"
    listed = _prefect(prefect_server, "deployment", "inspect", "learn-biases/item-biases", "--output", "json")
    assert json.loads(listed)["entrypoint"] == "flows.biases.learn_biases"
