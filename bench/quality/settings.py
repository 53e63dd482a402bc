"""One configuration file a data set: its split, the model's shape and fit, and what others published."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.quality.deskdrop import deskdrop
from bench.quality.interactions import Interactions
from bench.quality.movielens import ml_1m, ml_1m_ids, ml_100k
from training.sequence.config import SequenceConfig

CONFIGS = Path(__file__).parent / "configs"
LOADERS: dict[str, Callable[[Path], Interactions]] = {
    "ml-1m": ml_1m,
    "ml-1m-ids": ml_1m_ids,
    "ml-100k": ml_100k,
    "deskdrop": deskdrop,
}


@dataclass(frozen=True)
class QualityConfig:
    """How a data set is measured. Days count for the temporal split, users for leave-one-out.

    published: rows of `model`, `recall`, `ndcg`, `source`; measured by others, on the same file. note: what a reader of
    the table must know.
    """

    split: Literal["leave-one-out", "temporal"]
    tuning_users: int
    watched_users: int
    test_days: float
    tuning_days: float
    k: int
    seed: int
    watch_every: int
    sequence: SequenceConfig
    published: tuple[dict[str, Any], ...]
    note: str = ""


def read_config(name: str, folder: Path = CONFIGS) -> QualityConfig:
    """The file `<name>.toml`, over the one that it is `based_on`.

    Raises FileNotFoundError; TypeError where it has a name that is none.
    """
    raw = _read(name, folder)
    shape = raw.pop("sequence")
    half_lives = tuple(shape.pop("trend_half_lives_days", ()))
    sequence = SequenceConfig(**shape, trend_half_lives_days=half_lives)
    published = tuple(raw.pop("published", ()))
    defaults: dict[str, Any] = {"tuning_users": 0, "watched_users": 0, "test_days": 0.0, "tuning_days": 0.0}
    return QualityConfig(**defaults | raw, sequence=sequence, published=published)


def _read(name: str, folder: Path) -> dict[str, Any]:
    raw = tomllib.loads((folder / f"{name}.toml").read_text())
    base = raw.pop("based_on", None)
    return raw if base is None else _read(base, folder) | raw
