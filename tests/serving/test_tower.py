"""The numpy tower that answers, against the TensorFlow tower that learned."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.event import Event, EventType
from contracts.item import Item
from contracts.model import Popularity, read_catalogue, read_manifest
from features.evaluate import evaluate
from features.fold import fold
from features.instant import to_us
from features.state import new_state
from features.tower_files import read_tower
from features.tower_input import TowerInput, Vocabulary, stack, tower_input
from serving.tower import UserTower
from training.artefact import Origin, write_artefact
from training.catalogue import item_content
from training.config import TowerConfig
from training.export import tower_arrays
from training.initial import Beginning
from training.towers import ItemTower, TwoTower
from training.towers import UserTower as TensorflowTower
from training.trends import Trends

START = datetime(2026, 5, 1, 9, tzinfo=UTC)
CATALOGUE = [
    Item(f"i{n:02}", f"Red {'wooden' if n % 2 else 'glass'} heart {n}", 1.0 + n, f"c{n % 3}") for n in range(20)
]
VOCABULARY = Vocabulary(tuple(item.item_id for item in CATALOGUE), ("France", "UK"))
ACTIONS = (EventType.ITEM_VIEW, EventType.CLICK, EventType.ADD_TO_CART, EventType.PURCHASE)


def visitor(seed: int) -> dict[str, Any]:
    """Values of a visitor with some history, unknown items and gaps among it."""
    random = np.random.default_rng(seed)
    state = new_state()
    at = START
    for number in range(int(random.integers(1, 150))):
        at += timedelta(minutes=float(random.exponential(600)))
        fold(
            state,
            Event(
                message_id=f"{seed}-{number}",
                user_id="u",
                type=ACTIONS[int(random.integers(4))],
                timestamp=at,
                item_id=f"i{int(random.integers(24)):02}",
                price=float(random.uniform(1, 9)),
                properties={"category": f"c{number % 3}"},
            ),
        )
    return evaluate(state, to_us(at + timedelta(hours=3)))


def random_model(config: TowerConfig) -> TwoTower:
    """A model of random weights that are large enough for a mistake to show."""
    random = np.random.default_rng(5)

    def normal(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return random.normal(0, 1, shape).astype(np.float32)

    content = item_content(CATALOGUE)
    beginning = Beginning(normal(20, config.dim), normal(20, config.dim))
    items = ItemTower(content, beginning, Trends(0, normal(3, 2, 20)), config)
    inputs = stack([tower_input(visitor(seed), VOCABULARY) for seed in range(30)])
    users = TensorflowTower(VOCABULARY, inputs.dense.mean(0), 1 / (inputs.dense.std(0) + 1), config)
    model = TwoTower(items, users, config)
    users(as_batch(inputs), items.history(items.content()))
    for weight in (*users.weights, items.word_table, items.category_table, items.price_table):
        weight.assign(normal(*weight.shape))
    return model


def as_batch(inputs: TowerInput) -> dict[str, Any]:
    return {field.name: getattr(inputs, field.name) for field in fields(TowerInput)}


def saved(directory: Path, model: TwoTower) -> UserTower:
    origin = Origin("two_tower_v1", countries=VOCABULARY.countries)
    write_artefact(directory, tower_arrays(model), CATALOGUE, Popularity([], {}, {}), origin)
    files = read_tower(directory)
    return UserTower(files.vocabulary, files.weights)


@pytest.fixture(scope="module")
def model() -> TwoTower:
    return random_model(TowerConfig(dim=8, hidden=6))


def test_vectors_equal_those_of_the_tensorflow_tower(model: TwoTower, tmp_path: Path) -> None:
    tower = saved(tmp_path / "1", model)
    visitors = [visitor(seed) for seed in range(40)] + [evaluate(new_state(), to_us(START))]
    inputs = stack([tower_input(values, VOCABULARY) for values in visitors])
    expected = model.users(as_batch(inputs), model.items.history(model.items.content())).numpy()
    came = np.stack([tower.vector(values) for values in visitors])
    assert np.abs(came - expected).max() <= 1e-5
    assert np.abs(expected).max() > 0.5


def test_scores_equal_the_tensorflow_towers_products(model: TwoTower, tmp_path: Path) -> None:
    tower = saved(tmp_path / "1", model)
    with np.load(tmp_path / "1" / "items.npz") as arrays:
        came = arrays["vectors"] @ tower.vector(visitor(3)) + arrays["bias"]
    inputs = stack([tower_input(visitor(3), VOCABULARY)])
    content = model.items.content()
    user = model.users(as_batch(inputs), model.items.history(content)).numpy()[0]
    assert came == pytest.approx(model.items(content).numpy() @ user + model.items.newest_bias(), abs=1e-4)


def test_a_new_click_moves_the_vector(model: TwoTower, tmp_path: Path) -> None:
    tower = saved(tmp_path / "1", model)
    values = visitor(7)
    clicked = values | {
        "recent_items": ["i05", *values["recent_items"]],
        "recent_actions": ["click", *values["recent_actions"]],
        "recent_ages_s": [0.0, *values["recent_ages_s"]],
    }
    assert np.abs(tower.vector(clicked) - tower.vector(values)).max() > 1e-3


def test_an_unknown_item_says_nothing(model: TwoTower, tmp_path: Path) -> None:
    tower = saved(tmp_path / "1", model)
    values = evaluate(new_state(), to_us(START)) | {"recent_items": ["i03"], "recent_actions": ["click"]}
    values["recent_ages_s"] = [60.0]
    beside = values | {"recent_items": ["gone", "i03"], "recent_actions": ["click"] * 2, "recent_ages_s": [9.0, 60.0]}
    assert tower.vector(beside).tolist() == tower.vector(values).tolist()


def test_files_that_do_not_fit_each_other_are_refused(model: TwoTower, tmp_path: Path) -> None:
    saved(tmp_path / "1", model)
    np.savez(tmp_path / "1" / "items.npz", item_ids=np.array(["a"]), vectors=np.zeros((1, 8)), bias=np.zeros(1))
    with pytest.raises(ValueError, match=r"expected history weights of shape \(2, 8\), came \(21, 8\)"):
        read_tower(tmp_path / "1")


def test_an_artefact_of_another_format_is_refused(model: TwoTower, tmp_path: Path) -> None:
    saved(tmp_path / "1", model)
    manifest = tmp_path / "1" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format_version": 2', '"format_version": 9'))
    with pytest.raises(ValueError, match=r"expected format 2, came 9"):
        read_manifest(tmp_path / "1")


def test_the_catalogue_comes_back_as_it_was(model: TwoTower, tmp_path: Path) -> None:
    saved(tmp_path / "1", model)
    entry = read_catalogue(tmp_path / "1")["i03"]
    assert (entry.name, entry.price, entry.category, entry.available) == ("Red wooden heart 3", 4.0, "c0", True)
