"""What is learned of the items between two fits: one file beside a model's directory, replaced whole.

    models/<version>.biases.json    {"sha256": hex digest of what follows, "biases": ItemBiases}

The model's own files stay as they were promoted. The file is worked out anew each time, so losing it loses nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container
from datetime import datetime
from math import isfinite
from pathlib import Path

import msgspec
from msgspec import Struct

FORMAT_VERSION = 1


class ItemBiases(Struct, frozen=True, kw_only=True):
    """What is added to the scores that decide the order, by item id; an item that is not named gets nothing.

    `ranked`: those are the logits of the model's ranker, not the scores of its retrieval. `snapshot_id` is the events
    table's snapshot that was learned from, `learnt_until` when the lake took it, `moments` how many were learned from.
    """

    format_version: int = FORMAT_VERSION
    model_version: str
    ranked: bool
    snapshot_id: int
    learnt_until: datetime
    moments: int
    biases: dict[str, float]


class _Sealed(Struct, frozen=True):
    sha256: str
    biases: msgspec.Raw


def biases_path(model_dir: Path, version: str) -> Path:
    """Where the biases of a version lie."""
    return model_dir / f"{version}.biases.json"


def write_biases(model_dir: Path, biases: ItemBiases) -> Path:
    """Put the file in place in one step: whoever reads sees the one before or this one, whole.

    Raises ValueError where a bias is not finite.
    """
    wrong = next((item for item, bias in biases.biases.items() if not isfinite(bias)), None)
    if wrong is not None:
        raise ValueError(f"item biases: expected finite numbers, came {biases.biases[wrong]} for {wrong!r}")
    content = msgspec.json.encode(biases)
    path = biases_path(model_dir, biases.model_version)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(_Sealed(hashlib.sha256(content).hexdigest(), msgspec.Raw(content))))
    draft.replace(path)
    return path


def read_biases(path: Path, version: str, items: Container[str]) -> ItemBiases:
    """The biases of a model's `version` that knows `items`.

    Raises ValueError on a torn or altered file, another format or version, a number that is not finite or an item
    that the model does not know; OSError where it cannot be read.
    """
    try:
        sealed = msgspec.json.decode(path.read_bytes(), type=_Sealed)
        came = hashlib.sha256(bytes(sealed.biases)).hexdigest()
        if came != sealed.sha256:
            raise ValueError(f"{path}: expected SHA-256 {sealed.sha256[:12]}…, came {came[:12]}…: altered")
        found = msgspec.json.decode(sealed.biases, type=ItemBiases)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: expected item biases: {error}") from error
    if found.format_version != FORMAT_VERSION:
        raise ValueError(f"{path}: expected format {FORMAT_VERSION}, came {found.format_version}")
    if found.model_version != version:
        raise ValueError(f"{path}: expected biases of model {version}, came those of {found.model_version}")
    for item, bias in found.biases.items():
        if not isfinite(bias):
            raise ValueError(f"{path}: expected finite biases, came {bias} for {item!r}")
        if item not in items:
            raise ValueError(f"{path}: expected items of model {version}, came {item!r}")
    return found
