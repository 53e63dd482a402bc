"""Steps of a run that do not need a fit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from contracts.golden import GOLDEN_FILE, read_golden
from contracts.settings import Settings
from tests.serving.artefacts import write_ranked
from tests.serving.conftest import ITEMS
from training.run import opponent, opponents_ranker, ranking_refusal, refusal


@pytest.mark.parametrize("manifest", [None, "no manifest", '{"format_version": 0}'])
def test_a_champion_that_cannot_be_read_is_no_opponent(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    assert opponent(tmp_path) is None


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_champions_ranker_that_cannot_be_read_is_not_what_it_serves(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ranker.npz").write_bytes(content)
    assert opponents_ranker(tmp_path) is None


def test_a_champions_ranker_without_golden_answers_is_not_what_it_serves(tmp_path: Path) -> None:
    directory = write_ranked(Settings(home=tmp_path), "champion", ITEMS)
    assert opponents_ranker(directory) is not None
    golden = read_golden(directory)
    bare = tuple(replace(request, ranked=(), chances=()) for request in golden.requests)
    (directory / GOLDEN_FILE).write_bytes(msgspec.json.encode(replace(golden, requests=bare)))
    assert opponents_ranker(directory) is None


def test_a_ranker_must_raise_ndcg_to_be_served() -> None:
    low, high = {"ndcg_at_10": 0.1}, {"ndcg_at_10": 0.2}
    assert ranking_refusal({"two_tower": low, "two_tower_ranked": high}, k=10) is None
    assert ranking_refusal({"two_tower": low, "two_tower_ranked": low}, k=10) is not None
    refused = ranking_refusal({"two_tower": high, "two_tower_ranked": low}, k=10)
    assert refused == "ndcg_at_10 0.1000 does not beat retrieval's own 0.2000"


def test_what_is_served_is_what_must_beat_the_champion() -> None:
    table = {"two_tower": {"ndcg_at_10": 0.2}, "two_tower_ranked": {"ndcg_at_10": 0.4}, "champion": {"ndcg_at_10": 0.3}}
    assert refusal(table, k=10, served="two_tower_ranked") is None
    assert refusal(table, k=10, served="two_tower") == "ndcg_at_10 0.2000 does not beat champion's 0.3000"


def test_an_equal_score_is_no_better() -> None:
    row = {"ndcg_at_10": 0.1}
    better = {"ndcg_at_10": 0.2}
    assert refusal({"two_tower": better, "popularity": row, "popularity_decayed": row}, k=10) is None
    refused = refusal({"two_tower": row, "popularity": row, "popularity_decayed": row}, k=10)
    assert refused == "ndcg_at_10 0.1000 does not beat popularity's 0.1000"
    assert refusal({"two_tower": row, "popularity": {"ndcg_at_10": 0.0}, "champion": better}, k=10) is not None
