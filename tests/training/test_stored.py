"""A dataset in files holds and gives what one in memory does."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.actions import ACTIONS
from features.evaluate import evaluate
from features.instant import DAY_US
from features.state import new_state
from features.tower_input import TowerInput, Vocabulary
from training.batches import Batches, label_weights
from training.config import TowerConfig
from training.dataset import Dataset, build_dataset
from training.labels import Moment
from training.stored import release, store_chunks, stored_rows
from training.trends import daily_trends

ITEMS = tuple(f"i{number}" for number in range(30))
VOCABULARY = Vocabulary(ITEMS, ("UK",))
CUTOFF_US = 100 * DAY_US


def rows(count: int = 150) -> tuple[list[Moment], list[dict[str, Any]]]:
    """Moments in time order, each with a history, a basket and what was bought before; every ninth is not for us."""
    random = np.random.default_rng(5)
    moments, values = [], []
    for number in range(count):
        chosen = [str(item) for item in random.permutation(ITEMS)[: random.integers(2, 12)]]
        at_us = CUTOFF_US - (count - number) * DAY_US // 3
        seen = int(random.integers(0, len(chosen)))
        moments.append(Moment(f"u{number % 40}", at_us, frozenset(chosen), frozenset(chosen[:seen]), "UK"))
        values.append(
            evaluate(new_state(), at_us)
            | {
                "recent_items": chosen[:seen],
                "recent_actions": [ACTIONS[0].value] * seen,
                "recent_ages_s": [60.0 * place for place in range(seen)],
                "training_allowed": number % 9 != 0,
            }
        )
    return moments, values


def whole() -> Dataset:
    return build_dataset(*rows(), VOCABULARY, refused())


def refused(count: int = 150) -> list[frozenset[str]]:
    return [frozenset(ITEMS[number % 5 : number % 5 + number % 3]) for number in range(count)]


def stored(directory: Path, size: int = 40) -> Dataset:
    moments, values = rows()
    starts = range(0, len(moments), size)
    return store_chunks(
        (
            build_dataset(moments[one : one + size], values[one : one + size], VOCABULARY, refused()[one : one + size])
            for one in starts
        ),
        directory,
    )


def arrays(dataset: Dataset) -> dict[str, Any]:
    ragged = {name: getattr(dataset, name) for name in ("purchased", "basket", "bought", "refused")}
    return (
        {field.name: getattr(dataset.inputs, field.name) for field in fields(TowerInput)}
        | {name: getattr(dataset, name) for name in ("users", "at_us", "ages_s", "countries")}
        | {f"{name}.flat": one.flat for name, one in ragged.items()}
        | {f"{name}.starts": one.starts for name, one in ragged.items()}
    )


def same(left: Dataset, right: Dataset) -> None:
    expected, came = arrays(left), arrays(right)
    for name, array in expected.items():
        assert np.array_equal(came[name], array), name


def test_stored_chunks_hold_what_one_dataset_holds(tmp_path: Path) -> None:
    same(whole(), stored(tmp_path))


def test_what_is_stored_outlives_its_directory_and_a_release(tmp_path: Path) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    dataset = stored(directory)
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
    release(dataset)
    same(whole(), dataset)


@pytest.mark.parametrize("chosen", [[3, 4, 5, 6], [9, 2, 2], [], [0]])
def test_rows_are_taken_alike_from_files_and_from_memory(tmp_path: Path, chosen: list[int]) -> None:
    places = np.array(chosen, np.int64)
    taken = stored(tmp_path).take(places)
    same(whole().take(places), taken)
    assert [taken.bought[at].tolist() for at in range(len(chosen))] == [whole().bought[row].tolist() for row in chosen]


@pytest.mark.parametrize("chosen", [list(range(20, 70)), [1, 2, 5, 40, 41, 90]])
def test_stored_rows_stay_in_files(tmp_path: Path, chosen: list[int]) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "part").mkdir()
    part = stored_rows(stored(tmp_path / "whole"), np.array(chosen), tmp_path / "part", size=4)
    assert isinstance(part.inputs.items, np.memmap)
    same(whole().take(np.array(chosen)), part)


def test_unbroken_rows_are_not_copied(tmp_path: Path) -> None:
    dataset = stored(tmp_path)
    before = dataset.take(np.arange(10, 90))
    assert np.shares_memory(before.inputs.items, dataset.inputs.items)
    assert not np.shares_memory(dataset.take(np.array([3, 5])).inputs.items, dataset.inputs.items)


def test_batches_are_the_same_streamed_or_in_memory(tmp_path: Path) -> None:
    config = TowerConfig(batch=16, session_share=0.5, seed=3)

    def batches(dataset: Dataset) -> Batches:
        chosen = np.flatnonzero(dataset.basket.lengths > 0)
        weights = label_weights(dataset.at_us[chosen], CUTOFF_US, config)
        return Batches(dataset, chosen, weights, daily_trends(dataset, CUTOFF_US, (5.0,)), config)

    expected, came = batches(whole()), batches(stored(tmp_path))
    assert len(came) == len(expected) > 3
    for _ in range(2):
        for place in range(len(expected)):
            one, other = expected[place], came[place]
            assert all(np.array_equal(one[name], other[name]) for name in one)
        expected.on_epoch_end()
        came.on_epoch_end()


def test_nothing_to_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected chunks of moments to store, came none"):
        store_chunks([], tmp_path)
