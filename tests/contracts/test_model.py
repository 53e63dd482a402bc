"""What a manifest promises of a directory, and what breaks the promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.model import AlteredFile, Column, read_manifest, read_preprocessing, verify_files
from contracts.settings import Settings
from features.signature import signature_of
from features.tower_files import read_tower
from features.values import FEATURES
from tests.serving.artefacts import write_artefact
from tests.serving.conftest import ITEMS
from training.artefact import add_files


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_artefact(Settings(home=tmp_path), "one", ITEMS)


def test_every_file_is_in_the_manifest_with_its_digest(model: Path) -> None:
    manifest = read_manifest(model)
    verify_files(model, manifest)
    assert {path.name for path in model.iterdir()} == {*manifest.files, "manifest.json"}
    assert all(len(digest) == 64 for digest in manifest.files.values())


@pytest.mark.parametrize("name", ["preprocessing.json", "user_tower.npz", "items.npz", "catalogue.json"])
def test_one_changed_byte_is_refused_by_the_files_name(model: Path, name: str) -> None:
    content = bytearray((model / name).read_bytes())
    content[len(content) // 2] ^= 1
    (model / name).write_bytes(content)
    with pytest.raises(AlteredFile, match=rf"one/{name}: expected SHA-256 .*, came .*: half-written or altered"):
        verify_files(model, read_manifest(model))


def test_a_file_that_is_gone_is_refused_by_its_name(model: Path) -> None:
    (model / "popularity.json").unlink()
    with pytest.raises(AlteredFile, match=r"popularity\.json: expected a file of the model, came .*No such file"):
        verify_files(model, read_manifest(model))


def test_a_further_file_is_guarded_like_the_others(model: Path) -> None:
    add_files(model, {"more.bin": b"12"})
    verify_files(model, read_manifest(model))
    (model / "more.bin").write_bytes(b"21")
    with pytest.raises(AlteredFile, match=r"more\.bin"):
        verify_files(model, read_manifest(model))


def test_a_manifest_of_another_format_or_without_a_needed_file_is_refused(model: Path) -> None:
    path = model / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"format_version": 1}))
    with pytest.raises(ValueError, match=r"expected format 2, came 1; `clickloop train` writes a new one"):
        read_manifest(model)
    path.write_text(json.dumps({"model_version": "an old one"}))
    with pytest.raises(ValueError, match="expected format 2, came 0"):
        read_manifest(model)
    del manifest["files"]["items.npz"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"came none named items\.npz"):
        read_manifest(model)


def test_the_signature_names_the_features_that_the_tower_reads_with_their_types(model: Path) -> None:
    inputs = read_manifest(model).signature.inputs
    dtypes = {spec.name: spec.dtype for spec in FEATURES}
    assert Column("recent_items", "strings") in inputs
    assert all(dtypes[column.name] == column.dtype for column in inputs)
    with pytest.raises(KeyError, match="shoe_size"):
        signature_of(["shoe_size"])


def test_the_standardisation_comes_back_to_the_last_bit(model: Path) -> None:
    weights = read_tower(model).weights
    preprocessing = read_preprocessing(model)
    assert weights.mean.dtype == "float32"
    assert preprocessing.mean == tuple(weights.mean.tolist())
    assert len(preprocessing.dense) == len(preprocessing.scale) == len(weights.scale)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"age_buckets": 12}, "expected age_buckets 18, came 12"),
        ({"actions": ["click"]}, "expected actions"),
        ({"mean": [0.0]}, r"expected mean \[9\], came \[1\]"),
    ],
)
def test_a_tower_fitted_to_another_input_is_refused(model: Path, change: dict[str, object], complaint: str) -> None:
    path = model / "preprocessing.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=complaint):
        read_tower(model)
