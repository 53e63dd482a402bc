"""A model answers its golden requests before it answers anybody, and only with the answers it had when trained."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from contracts.golden import GOLDEN_FILE, Golden, GoldenRequest, read_golden
from contracts.model import CATALOGUE_FILE, read_catalogue
from contracts.settings import Settings
from features.evaluate import evaluate
from features.ranking_input import RANKING_VALUES
from features.state import encode_state, new_state
from serving.artefact import read_artefact
from serving.golden import GoldenMismatch, check_golden, check_ranked
from serving.index import Hit
from tests.serving.artefacts import put_ranker, ranker_file, write_artefact, write_ranked
from tests.serving.conftest import ITEMS
from training.artefact import add_files

REQUEST = GoldenRequest(encode_state(new_state()), 0, ("a", "b", "c"), (3.0, 2.0, 1.0))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_artefact(Settings(home=tmp_path), "one", ITEMS)


@pytest.fixture
def ranked(tmp_path: Path) -> Path:
    return write_ranked(Settings(home=tmp_path), "ranked", ITEMS)


def put_items(directory: Path, **changes: Any) -> None:
    """Other item arrays, with the digests to match."""
    with np.load(directory / "items.npz") as arrays:
        changed = {**arrays, **changes}
    np.savez(directory / "more.npz", **changed)
    add_files(directory, {"items.npz": (directory / "more.npz").read_bytes()})


def test_the_answer_to_a_click_is_that_item_and_its_neighbours(model: Path) -> None:
    """By hand: item n points to the angle pi n / 118 and the vector of a click is that of its item."""
    request = read_golden(model).requests[1]
    values = evaluate(new_state(), 0)
    assert request.items[0] == ITEMS[20].item_id
    assert set(request.items[1:5]) == {ITEMS[n].item_id for n in (18, 19, 21, 22)}
    # The attention of a single action is 1 / 1.001.
    expected = [np.cos(np.pi * step / 118) / 1.001 for step in (0, 1, 1, 2, 2)]
    assert request.scores[:5] == pytest.approx(expected, abs=1e-5)
    assert values["recent_items"] == []


def test_a_model_that_answers_as_it_did_is_read(model: Path) -> None:
    assert read_artefact(model).version == "one"


def test_vectors_changed_with_their_digest_are_refused(model: Path) -> None:
    with np.load(model / "items.npz") as arrays:
        vectors = arrays["vectors"]
    put_items(model, vectors=vectors[::-1].copy())
    with pytest.raises(GoldenMismatch, match=r"request 1 of 3: expected item-000 with 0\.999001 at place 1, came"):
        read_artefact(model)


def test_a_shift_of_every_score_is_refused_though_the_order_stays(model: Path) -> None:
    put_items(model, bias=np.full(len(ITEMS), 0.001, np.float32))
    with pytest.raises(GoldenMismatch, match=r"item-000 with 0\.999001 at place 1, came item-000 with 1\.000001"):
        read_artefact(model)


def test_another_standardisation_is_refused(model: Path) -> None:
    """Only where the tower reads the dense columns: here it is told to."""
    with np.load(model / "user_tower.npz") as arrays:
        hidden = {**arrays, "hidden": np.ones_like(arrays["hidden"]), "out": np.ones_like(arrays["out"])}
    np.savez(model / "more.npz", **hidden)
    add_files(model, {"user_tower.npz": (model / "more.npz").read_bytes()})
    with pytest.raises(GoldenMismatch):
        read_artefact(model)


def test_a_model_without_golden_requests_is_refused(model: Path) -> None:
    add_files(model, {GOLDEN_FILE: msgspec.json.encode(Golden(1e-4, ()))})
    with pytest.raises(ValueError, match="expected golden requests, came an empty list"):
        read_artefact(model)
    manifest = json.loads((model / "manifest.json").read_text())
    del manifest["files"][GOLDEN_FILE]
    (model / GOLDEN_FILE).unlink()
    (model / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FileNotFoundError, match=r"golden\.json"):
        read_artefact(model)


@pytest.mark.parametrize(
    ("hits", "agrees"),
    [
        ([("a", 3.0), ("b", 2.0), ("c", 1.0)], True),
        ([("a", 3.00002), ("b", 1.99999), ("c", 1.0)], True),
        # A tie at the end of the list: another item as good as the last.
        ([("a", 3.0), ("b", 2.0), ("d", 1.00001)], True),
        ([("a", 3.0), ("b", 2.0), ("c", 1.01)], False),
        ([("b", 3.0), ("a", 2.0), ("c", 1.0)], False),
        ([("a", 3.0), ("d", 2.0), ("b", 1.0)], False),
        ([("a", 3.0), ("b", 2.0)], False),
        ([("a", float("nan")), ("b", 2.0), ("c", 1.0)], False),
    ],
)
def test_what_counts_as_the_same_answer(hits: list[tuple[str, float]], agrees: bool) -> None:
    def check() -> None:
        check_golden(Golden(1e-4, (REQUEST,)), (), lambda values, count: [Hit(*hit) for hit in hits])

    if agrees:
        check()
    else:
        with pytest.raises(GoldenMismatch, match="golden request 1 of 1: expected"):
            check()


def test_a_model_sees_no_more_than_its_signature_names() -> None:
    def answer(values: Any, count: int) -> list[Hit]:
        assert list(values) == ["country"]
        raise KeyError("device")

    with pytest.raises(KeyError):
        check_golden(Golden(1e-4, (REQUEST,)), ("country",), answer)


def test_the_rankers_answer_is_what_is_cheapest_of_all_that_it_is_given(ranked: Path) -> None:
    """By hand: item n costs 1 + n, and its chance is 1 / (1 + (1 + n))."""
    request = read_golden(ranked).requests[1]
    assert len(request.items) == 10
    assert request.ranked == tuple(sorted(request.items))
    numbers = [int(item.removeprefix("item-")) for item in request.ranked]
    assert request.chances == pytest.approx([1 / (2 + number) for number in numbers], rel=1e-5)


def test_a_ranker_that_answers_as_it_did_is_served(ranked: Path) -> None:
    artefact = read_artefact(ranked)
    assert (artefact.ranker is not None, artefact.ranker_error) == (True, "")
    assert set(RANKING_VALUES) <= set(artefact.features)


def without_its_ranker(directory: Path) -> str:
    """Why the model there is served without its ranker."""
    artefact = read_artefact(directory)
    assert artefact.version == "ranked"
    assert artefact.ranker is None
    assert "price_bands" not in artefact.features
    return artefact.ranker_error


def test_weights_of_a_ranker_changed_with_their_digest_leave_the_model_without_it(ranked: Path) -> None:
    """The order is the same, and the chance of item 0, which costs 1, is one half for any weight."""
    put_ranker(ranked, ranker_file(len(ITEMS), price=-1.001).encode())
    expected = (
        r"GoldenMismatch: golden request 1 of 3, ranked: expected item-001 with 0\.333333 at place 2, came item-001"
    )
    assert re.match(expected, without_its_ranker(ranked))


def test_a_price_that_a_ranker_reads_changed_with_its_digest_leaves_the_model_without_it(ranked: Path) -> None:
    entries = read_catalogue(ranked)
    entries["item-040"] = replace(entries["item-040"], price=41.1)
    add_files(ranked, {CATALOGUE_FILE: msgspec.json.encode(entries)})
    assert "golden request 3 of 3, ranked: expected item-040 with" in without_its_ranker(ranked)


def test_a_ranker_without_golden_answers_is_not_served(ranked: Path) -> None:
    golden = read_golden(ranked)
    bare = tuple(replace(request, ranked=(), chances=()) for request in golden.requests)
    add_files(ranked, {GOLDEN_FILE: msgspec.json.encode(replace(golden, requests=bare))})
    assert "expected the ranker's golden answers, came none: `clickloop train` writes them" in without_its_ranker(
        ranked
    )


def test_a_brand_travels_with_the_catalogue_for_rankers_read_it(tmp_path: Path) -> None:
    items = [replace(item, brand=f"brand {number % 4}") for number, item in enumerate(ITEMS)]
    directory = write_ranked(Settings(home=tmp_path), "ranked", items)
    assert read_artefact(directory).catalogue["item-005"].brand == "brand 1"


@pytest.mark.parametrize(
    ("hits", "agrees"),
    [
        ([("c", 0.04), ("a", 0.01), ("b", 0.001)], True),
        ([("c", 0.040003), ("a", 0.0099995), ("b", 0.0)], True),
        # Less than the tolerance, but not beside a chance as small as this.
        ([("c", 0.04), ("a", 0.01005), ("b", 0.0)], False),
        ([("a", 0.04), ("c", 0.01), ("b", 0.0)], False),
        ([("c", 0.04)], False),
    ],
)
def test_what_counts_as_the_same_ranking(hits: list[tuple[str, float]], agrees: bool) -> None:
    request = replace(REQUEST, ranked=("c", "a"), chances=(0.04, 0.01))

    def rank(values: Any, given: Any) -> list[Hit]:
        assert list(values) == ["country"]
        assert given == [Hit("a", 3.0), Hit("b", 2.0), Hit("c", 1.0)]
        return [Hit(*hit) for hit in hits]

    if agrees:
        check_ranked(Golden(1e-4, (request,)), ("country",), rank)
    else:
        with pytest.raises(GoldenMismatch, match="golden request 1 of 1, ranked: expected"):
            check_ranked(Golden(1e-4, (request,)), ("country",), rank)
