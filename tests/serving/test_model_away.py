"""No model, a broken model, a new model: the service answers throughout."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from contracts import model as layout
from contracts.event import EventType
from contracts.settings import Settings
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import make_settings
from tests.serving.artefacts import popularity, promote, write_artefact
from tests.serving.conftest import ITEMS, register, write_catalogue
from tests.serving.service_process import Client, ServiceProcess
from tests.serving.visitors import Visitors
from training.artefact import add_files

CORRUPTIONS: dict[str, Callable[[Path], object]] = {
    "no directory": lambda directory: shutil.rmtree(directory),
    "no weights": lambda directory: (directory / layout.USER_TOWER_FILE).unlink(),
    "torn vectors": lambda directory: _tear(directory / layout.ITEMS_FILE),
    "torn manifest": lambda directory: _tear(directory / layout.MANIFEST_FILE),
    "empty catalogue": lambda directory: (directory / layout.CATALOGUE_FILE).write_text("{}"),
    "another format": lambda directory: _replace(
        directory / layout.MANIFEST_FILE, b'"format_version": 2', b'"format_version": 9'
    ),
    "another answer": lambda directory: _turn_around(directory),
    "another width": lambda directory: _replace(directory / layout.MANIFEST_FILE, b'"dim": 2', b'"dim": 3'),
}


REFUSALS = "clickloop_serving_model_refusals_total"


def _answers_with(service: ServiceProcess, version: str) -> bool:
    return bool(service.get("/health").body["model_version"] == version)


def _refusals(service: ServiceProcess) -> float:
    """Models refused so far, whatever the error."""
    lines = service.get("/metrics").body.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{REFUSALS}{{"))


def _tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _turn_around(directory: Path) -> None:
    """Each item with another's vector, and the digests to match: nothing but the answers can tell."""
    with np.load(directory / layout.ITEMS_FILE) as arrays:
        np.savez(directory / "more.npz", **{**arrays, "vectors": arrays["vectors"][::-1]})
    add_files(directory, {layout.ITEMS_FILE: (directory / "more.npz").read_bytes()})


def _replace(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    if old not in content:
        raise ValueError(f"expected {old!r} in {path}")
    path.write_bytes(content.replace(old, new))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, kafka: KafkaServer, redis_server: RedisServer) -> Settings:
    """Settings whose home has a catalogue and a registry, and no model."""
    settings = make_settings(tmp_path_factory.mktemp("bare"), bootstrap=kafka.bootstrap, redis_url=redis_server.url)
    create_topics(settings)
    write_catalogue(settings)
    return settings


@pytest.fixture(scope="module")
def running(bare: Settings, start_service: Callable[..., ServiceProcess]) -> ServiceProcess:
    Visitors(bare, register(bare)).act("known", EventType.CLICK, "item-030")
    return start_service(bare)


@pytest.fixture
def modelless(running: ServiceProcess, bare: Settings) -> ServiceProcess:
    """The service before any model."""
    if (bare.model_dir / layout.POINTER_FILE).exists():
        raise RuntimeError("expected no promoted model; this test stands before those that promote one")
    return running


@pytest.fixture
def modelled(running: ServiceProcess, bare: Settings) -> ServiceProcess:
    """The service with the model `good` promoted and taken up."""
    if not (bare.model_dir / "good").exists():
        write_artefact(bare, "good", ITEMS)
    promote(bare, "good")
    running.wait(lambda: running.get("/health").body["status"] == "ok")
    running.wait(lambda: running.get("/health").body["model_version"] == "good")
    return running


def test_answers_from_the_catalogue_then_from_its_popularity_while_there_is_no_model(
    modelless: ServiceProcess, bare: Settings
) -> None:
    first = modelless.recommend(anonymous_id="known", k=2)
    health = modelless.get("/health").body

    assert (first["degraded"], first["source"], first["model_version"]) == (["model"], "popular", None)
    assert [item["item_id"] for item in first["items"]] == ["item-000", "item-001"]
    assert first["state_version"] == 1
    assert (health["ready"], health["status"], health["model"]["state"]) == (True, "degraded", "missing")

    waiting = bare.home / "popularity.new"
    waiting.write_bytes(msgspec.json.encode(popularity(ITEMS[::-1])))
    waiting.replace(bare.home / layout.POPULARITY_FILE)
    modelless.wait(lambda: modelless.recommend(k=1)["items"][0]["item_id"] == "item-059")


def test_takes_up_the_first_model_by_itself(modelled: ServiceProcess) -> None:
    answer = modelled.recommend(anonymous_id="known")

    assert (answer["source"], answer["model_version"], answer["degraded"]) == ("model", "good", [])


@pytest.mark.parametrize("how", CORRUPTIONS)
def test_keeps_the_old_model_when_the_promoted_one_is_broken(
    modelled: ServiceProcess, bare: Settings, how: str
) -> None:
    refused = _refusals(modelled)
    version = f"broken-{how.replace(' ', '-')}"
    CORRUPTIONS[how](write_artefact(bare, version, ITEMS))
    promote(bare, version)
    modelled.wait(lambda: modelled.get("/health").body["model"]["error"] != "")
    answer = modelled.recommend(anonymous_id="known")
    health = modelled.get("/health").body

    assert (answer["source"], answer["model_version"]) == ("model", "good")
    assert (health["ready"], health["status"], health["model_version"]) == (True, "degraded", "good")
    assert _refusals(modelled) == refused + 1
    assert "file.unreadable" in modelled.log()


def test_a_model_that_answers_otherwise_is_named_and_counted_as_such(modelled: ServiceProcess, bare: Settings) -> None:
    counted = partial(modelled.metric, REFUSALS, error="GoldenMismatch")
    before = counted()
    _turn_around(write_artefact(bare, "turned", ITEMS))
    promote(bare, "turned")
    modelled.wait(lambda: "GoldenMismatch" in modelled.get("/health").body["model"]["error"])

    assert counted() == before + 1
    assert "golden request 1 of 3: expected item-000 with 0.999001" in modelled.get("/health").body["model"]["error"]
    assert modelled.recommend(anonymous_id="known")["model_version"] == "good"

    write_artefact(bare, "turned", ITEMS)
    modelled.wait(lambda: modelled.get("/health").body["model_version"] == "turned")
    assert modelled.get("/health").body["model"]["error"] == ""


def test_keeps_the_old_model_when_all_models_are_removed(modelled: ServiceProcess, bare: Settings) -> None:
    aside = bare.home / "models-aside"
    bare.model_dir.rename(aside)
    try:
        modelled.wait(lambda: modelled.get("/health").body["model"]["error"] != "")
        assert modelled.recommend(anonymous_id="known")["model_version"] == "good"
    finally:
        aside.rename(bare.model_dir)
    modelled.wait(lambda: modelled.get("/health").body["model"]["error"] == "")


def test_a_promotion_under_fire_fails_no_request_and_changes_the_answers(
    modelled: ServiceProcess, bare: Settings
) -> None:
    for version, reverse in (("swap-a", True), ("swap-b", False)):
        if not (bare.model_dir / version).exists():
            write_artefact(bare, version, ITEMS, reverse=reverse)
    stop = threading.Event()
    answers: list[tuple[int, Any]] = []

    def hammer() -> None:
        client = Client(modelled.port)
        while not stop.is_set():
            answer = client.post("/recommend", {"anonymous_id": "known", "k": 3})
            answers.append((answer.status, answer.body))
        client.close()

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for version in ("swap-a", "swap-b", "swap-a"):
            promote(bare, version)
            modelled.wait(partial(_answers_with, modelled, version))
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert {status for status, _ in answers} == {200}
    assert {body["model_version"] for _, body in answers} == {"good", "swap-a", "swap-b"}
    assert all(body["source"] == "model" and len(body["items"]) == 3 for _, body in answers)
    # An answer is of one model whole: `swap-a` turns the items around, so its best is never the others' best.
    best = {(body["model_version"] == "swap-a", body["items"][0]["item_id"]) for _, body in answers}
    assert len(best) == 2
