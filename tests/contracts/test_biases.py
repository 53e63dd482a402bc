"""The file of item biases: whole or refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.biases import ItemBiases, biases_path, read_biases, write_biases

LEARNED = ItemBiases(
    model_version="7",
    ranked=True,
    snapshot_id=2**62 + 1,
    learnt_until=datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC),
    moments=3,
    biases={"a": 0.25, "b": -1e-6},
)


def resealed(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """The same file with other content, and the digest to match."""

    def changed(content: bytes) -> bytes:
        said = json.loads(content)["biases"]
        change(said)
        inner = json.dumps(said)
        return (
            json.dumps({"sha256": hashlib.sha256(inner.encode()).hexdigest(), "biases": "?"})
            .replace('"?"', inner)
            .encode()
        )

    return changed


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = write_biases(tmp_path, LEARNED)
    assert path == biases_path(tmp_path, "7")
    assert read_biases(path, "7", {"a", "b", "c"}) == LEARNED
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[: len(content) // 2], "expected item biases"),
        (lambda content: b"", "expected item biases"),
        (lambda content: content.replace(b"0.25", b"0.75"), "expected SHA-256 .*altered"),
        (resealed(lambda said: said.update(format_version=9)), "expected format 1, came 9"),
        (resealed(lambda said: said.update(model_version="8")), "expected biases of model 7, came those of 8"),
        (resealed(lambda said: said["biases"].update(z=1.0)), "expected items of model 7, came 'z'"),
        (resealed(lambda said: said["biases"].update(a=None)), "expected item biases: Expected `float`"),
        (resealed(lambda said: said["biases"].update(a=10**400)), "expected item biases|expected finite"),
        (resealed(lambda said: said.pop("ranked")), "expected item biases: Object missing required field `ranked`"),
    ],
)
def test_anything_else_is_refused_with_its_reason(tmp_path: Path, spoil: Callable[[bytes], bytes], reason: str) -> None:
    path = write_biases(tmp_path, LEARNED)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=reason):
        read_biases(path, "7", {"a", "b"})


@pytest.mark.parametrize("bias", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_published(tmp_path: Path, bias: float) -> None:
    with pytest.raises(ValueError, match=r"expected finite numbers, came .* for 'b'"):
        write_biases(tmp_path, replace(LEARNED, biases={"a": 0.0, "b": bias}))
    assert not list(tmp_path.iterdir())
