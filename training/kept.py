"""What training keeps of a fitted model beside what serving reads, so that the next fit can go on from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.tower_input import Vocabulary
from training.catalogue import ItemContent
from training.config import TowerConfig
from training.initial import Beginning

Floats = NDArray[np.float32]

TRAINING_FILE = "training.npz"
TRAINING_FORMAT = 1
FULL, WARM = "full", "warm"
# A fit may differ from the one it goes on from in these alone: they change no weight's meaning.
_FREE = ("epochs", "batch", "learning_rate", "seed")
_WEIGHT = "weight."
_BEGINNING = "beginning."
_HEADER = "header"


class Start(Struct, frozen=True, kw_only=True):
    """How a fit began and how long it took: from nothing ("full") or from the model `version` ("warm").

    `reason` says why it is a full one where a warm one was asked for.
    """

    kind: str
    seconds: float
    version: str | None = None
    reason: str | None = None


class Header(Struct, frozen=True, kw_only=True):
    """Names behind the rows of the weights, and what the fit was; `cutoff_us` is the first instant it did not see."""

    training_format: int = TRAINING_FORMAT
    start: Start
    cutoff_us: int
    items: tuple[str, ...]
    countries: tuple[str, ...]
    words: tuple[str, ...]
    categories: tuple[str, ...]
    config: dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """A fitted model as training left it: trainable weights by name, where the items' vectors began, and the
    dense inputs' mean and scale."""

    header: Header
    weights: Mapping[str, Floats]
    beginning: Beginning
    mean: Floats
    scale: Floats


def header_of(
    vocabulary: Vocabulary, content: ItemContent, cutoff_us: int, config: TowerConfig, start: Start
) -> Header:
    """What a fit to these was."""
    return Header(
        start=start,
        cutoff_us=cutoff_us,
        items=vocabulary.items,
        countries=vocabulary.countries,
        words=content.vocabulary,
        categories=content.category_names,
        config=msgspec.json.decode(msgspec.json.encode(config)),
    )


def encode_kept(kept: Kept) -> bytes:
    """The content of TRAINING_FILE, which lies beside the artefact's files; serving does not read it."""
    arrays: dict[str, Any] = {f"{_WEIGHT}{name}": value for name, value in kept.weights.items()}
    arrays |= {f"{_BEGINNING}{name}": value for name, value in vars(kept.beginning).items()}
    arrays |= {"mean": kept.mean, "scale": kept.scale}
    arrays[_HEADER] = np.frombuffer(msgspec.json.encode(kept.header), np.uint8)
    content = BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def difference(header: Header, config: TowerConfig) -> tuple[str, Any, Any] | None:
    """The first setting by which weights of a fit to `config` would mean something else: name, expected, came."""
    for name, value in asdict(config).items():
        came = header.config.get(name)
        came = tuple(came) if isinstance(came, list) else came
        if name not in _FREE and came != value:
            return name, value, came
    return None


def read_header(directory: Path) -> Header:
    """What a fit was, without its weights. Raises ValueError where there is none or it is of another format."""
    with _opened(directory) as arrays:
        return _header(arrays)


def read_kept(directory: Path) -> Kept:
    """What a fit kept. Raises ValueError where there is none or it is of another format."""
    with _opened(directory) as arrays:
        header = _header(arrays)
        weights = {name.removeprefix(_WEIGHT): arrays[name] for name in arrays.files if name.startswith(_WEIGHT)}
        beginning = Beginning(*(arrays[f"{_BEGINNING}{field.name}"] for field in fields(Beginning)))
        return Kept(header, weights, beginning, arrays["mean"], arrays["scale"])


@contextmanager
def _opened(directory: Path) -> Iterator[Any]:
    path = directory / TRAINING_FILE
    try:
        # numpy leaves a broken file open: it is opened here.
        with path.open("rb") as opened, np.load(opened) as arrays:
            yield arrays
    except FileNotFoundError as error:
        raise ValueError(f"{path}: expected what training kept of the model, came no such file") from error
    except (BadZipFile, KeyError, OSError, ValueError, msgspec.DecodeError) as error:
        raise ValueError(f"{path}: expected what training kept of the model: {error}") from error


def _header(arrays: Any) -> Header:
    header = msgspec.json.decode(arrays[_HEADER].tobytes(), type=Header)
    if header.training_format != TRAINING_FORMAT:
        raise ValueError(f"expected format {TRAINING_FORMAT}, came {header.training_format}")
    return header
