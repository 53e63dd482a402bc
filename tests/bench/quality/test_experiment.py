"""The way from a data set to its table, with the model fitted and an opponent's lists in place of its environment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.quality import experiment, own
from bench.quality.exchange import OpponentLists, write_problem
from bench.quality.experiment import OWN, Options, folds_of, run_dataset
from bench.quality.folds import Fold
from bench.quality.interactions import Interactions
from bench.quality.movielens import ids_alone
from bench.quality.online_retail import write_table
from bench.quality.opponents.problem import Problem
from bench.quality.report import draw, write_report
from bench.quality.settings import CONFIGS, QualityConfig, read_config
from features.sequence_input import gap_bucket
from tests.bench.quality.small import small
from training.sequence.config import SequenceConfig

ITEMS = 20
CONFIG = QualityConfig(
    split="leave-one-out",
    tuning_users=20,
    watched_users=10,
    test_days=0,
    tuning_days=0,
    k=3,
    seed=1,
    watch_every=4,
    sequence=SequenceConfig(dim=16, inner=16, length=10, epochs=8, batch=16, learning_rate=1e-2, warm_up_steps=5),
    published=({"model": "somebody's", "recall": 0.5, "ndcg": 0.25, "source": "a paper"},),
)


def circles(users: int = 60) -> Interactions:
    """Everybody walks round the items one by one: what comes next is known, popularity says nothing."""
    chance = np.random.default_rng(3)
    lengths = chance.integers(6, 12, users)
    begins = chance.integers(0, ITEMS, users)
    walks = [(begin + np.arange(length)) % ITEMS for begin, length in zip(begins, lengths, strict=True)]
    return Interactions(
        name="circles",
        users=np.repeat(np.arange(users), lengths).astype(np.int32),
        items=np.concatenate(walks).astype(np.int32),
        actions=np.zeros(int(lengths.sum()), np.int32),
        at_s=None,
        content=np.zeros((ITEMS, 0), np.float32),
        attributes=np.zeros((users, 1), np.int32),
        contexts=np.zeros((int(lengths.sum()), 0), np.int32),
        action_kinds=1,
    )


def popularity_alone(data: Interactions, tuning: Fold, final: Fold, folder: Path, **_: Any) -> dict[str, OpponentLists]:
    counts = np.bincount(data.items[final.fit], minlength=data.item_count).astype(np.float32)
    lists = own.best(data, final, np.tile(counts, (len(final), 1)), 0, k=3)
    report = {"library": "none", "chosen": {"fit": {}, "score": {}, "ndcg": 0.1}, "seconds": 0.0, "tried": [{}]}
    return {"popularity": OpponentLists(lists, report)}


def test_a_data_set_becomes_a_table_with_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "run_opponents", popularity_alone)
    monkeypatch.setattr(experiment, "cross_checked", lambda *_: {"a library": {"ndcg": 1e-9}})
    data = circles()
    result = run_dataset(data, CONFIG, Options(work=tmp_path / "work"))
    rows = result["details"]["table"]
    assert rows[OWN]["recall"] > 0.9 > 2 * rows["popularity"]["recall"]
    assert result["ratio"] > 2
    assert result["details"]["gain"]["best"] == OWN
    assert [row["epoch"] for row in result["details"]["curve"] if "ndcg_at_10" in row] == [4, 8]
    draw(result, tmp_path)
    text = write_report(result, command="the command", directory=tmp_path).read_text()
    assert "agree with every figure above: a library (ndcg) to 1e-09." in text
    assert "| somebody's | 0.500 | 0.250 | a paper |" in text
    assert f"| {OWN} | {rows[OWN]['recall']:.4f} [" in text
    assert {path.name for path in tmp_path.glob("*.svg")} == {"quality_circles.svg", "quality_circles_curve.svg"}
    json.dumps(result)
    assert_training_s_table_follows(result, tmp_path)
    again = run_dataset(data, CONFIG, Options(weights=tmp_path / "work" / "weights.npz"))
    assert again["details"]["table"] == rows


def assert_training_s_table_follows(result: dict[str, Any], folder: Path) -> None:
    row = {"recall_at_10": 0.125, "ndcg_at_10": 0.25, "coverage": 0.5, "diversity": 0.75}
    gain = {"recall": 0.01, "recall_low": -0.01, "recall_high": 0.03, "ndcg": 0.02, "ndcg_low": 0.01, "ndcg_high": 0.03}
    details = result["details"] | {"table_of_training": {"two_tower": row}, "gain_over_item_knn": gain}
    text = write_table(result | {"details": details}, folder).read_text()
    assert text.index("| somebody's |") < text.index("| two_tower | 0.1250 | 0.2500 | 0.5000 | 0.7500 |")
    assert "recall +0.0100 [-0.0100, +0.0300], ndcg +0.0200 [+0.0100, +0.0300]." in text


def test_a_final_problem_does_not_tell_what_is_to_be_found(tmp_path: Path) -> None:
    data = circles()
    folds, _ = folds_of(data, CONFIG)
    write_problem(tmp_path / "final.npz", data, folds.final, reveal=False)
    write_problem(tmp_path / "tuning.npz", data, folds.tuning, reveal=True)
    final, tuning = Problem.load(tmp_path / "final.npz"), Problem.load(tmp_path / "tuning.npz")
    assert len(final.relevant) == 0
    assert len(final.histories) == len(data) - data.user_count
    with pytest.raises(ValueError, match="expected a problem for tuning"):
        final.ndcg(np.zeros((len(final), 3), np.int64))
    perfect = own.best(data, folds.tuning, np.eye(ITEMS, dtype=np.float32)[folds.tuning.relevant.flat], 0, k=3)
    assert tuning.ndcg(perfect.astype(np.int64)) == 1.0


def test_a_case_matrix_halves_by_place_and_counts_an_item_by_its_newest_line(tmp_path: Path) -> None:
    data = small(timed=False)
    folds, _ = folds_of(data, CONFIG)
    write_problem(tmp_path / "final.npz", data, folds.final, reveal=False)
    # User 1's history is 1, 2, 2, 4.
    rows = Problem.load(tmp_path / "final.npz").case_matrix(half_life=1.0).toarray()
    assert rows[1].tolist() == [0, 1 / 8, 1 / 2, 0, 1, 0]


def test_times_between_events_fall_into_the_tower_s_buckets() -> None:
    data = small()
    hour = gap_bucket(3600.0)
    found = own.gaps(data)
    assert found[:3].tolist() == [gap_bucket(36_000.0), gap_bucket(36_000.0), gap_bucket(81 * 3600.0)]
    assert found[3] == 0
    assert found[4] == hour
    assert found[6] == gap_bucket(0.0) == 1


def test_a_file_that_is_based_on_another_differs_in_what_it_says_alone() -> None:
    ids, all_known = read_config("ml-1m-ids"), read_config("ml-1m")
    assert ids.note != all_known.note
    assert replace(ids, note=all_known.note) == all_known


def test_ids_alone_say_who_what_and_in_which_order() -> None:
    data = replace(small(), actions=np.arange(13, dtype=np.int32), action_kinds=13)
    alone = ids_alone(data, name="ids")
    assert (alone.name, alone.action_kinds) == ("ids", 1)
    assert alone.users.tolist() == data.users.tolist()
    assert alone.items.tolist() == data.items.tolist()
    assert (alone.item_count, alone.user_count) == (data.item_count, data.user_count)
    assert not alone.actions.any()
    assert not alone.content.any()
    assert not alone.attributes.any()


def test_every_data_set_s_file_is_one_that_is_understood() -> None:
    names = {path.stem for path in CONFIGS.glob("*.toml")}
    assert names == {"ml-1m", "ml-1m-ids", "ml-100k", "deskdrop", "online_retail"}
    for name in names:
        config = read_config(name)
        assert (config.split == "temporal") == (config.tuning_users == 0)
