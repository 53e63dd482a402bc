"""A dataset on disk: written once by chunks of time and read by rows, so that memory need not hold every moment."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from features.tower_input import TowerInput
from training.dataset import Dataset, Longs, Ragged, unbroken

# A moment's features and what its visitor had bought before: 2 KB and more, ten times what is beside them.
_AGES, _BOUGHT = "ages_s", "bought"
_INPUTS = tuple(field.name for field in fields(TowerInput))


def store_chunks(chunks: Iterable[Dataset], directory: Path) -> Dataset:
    """The chunks' moments one after another, their features in files of `directory`, mapped into memory.

    Labels stay in memory. `directory` may go at once: what is mapped outlives its name. Raises ValueError
    where there is no chunk.
    """
    files: dict[str, BinaryIO] = {}
    shapes: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
    light: list[Dataset] = []
    try:
        for chunk in chunks:
            for name, array in _heavy(chunk):
                if name not in files:
                    files[name] = (directory / name).open("wb")
                    shapes[name] = (array.dtype, array.shape[1:])
                np.ascontiguousarray(array).tofile(files[name])
            light.append(_without_features(chunk))
    finally:
        for opened in files.values():
            opened.close()
    if not light:
        raise ValueError("expected chunks of moments to store, came none")
    mapped = {name: _map(directory / name, *shape) for name, shape in shapes.items()}
    refused = [chunk.refused for chunk in light if chunk.refused is not None]
    return Dataset(
        vocabulary=light[0].vocabulary,
        users=np.concatenate([chunk.users for chunk in light]),
        at_us=np.concatenate([chunk.at_us for chunk in light]),
        inputs=TowerInput(**{name: mapped[name] for name in _INPUTS}),
        ages_s=mapped[_AGES],
        countries=np.concatenate([chunk.countries for chunk in light]),
        purchased=_joined([chunk.purchased for chunk in light]),
        basket=_joined([chunk.basket for chunk in light]),
        bought=Ragged(mapped[_BOUGHT], _starts([chunk.bought for chunk in light])),
        refused=_joined(refused) if len(refused) == len(light) else None,
    )


def stored_rows(dataset: Dataset, rows: Longs, directory: Path, *, size: int) -> Dataset:
    """`dataset.take(rows)`; of a stored dataset without a copy in memory: a stretch of its files, or new ones."""
    if unbroken(rows) or not isinstance(dataset.ages_s, np.memmap):
        return dataset.take(rows)
    return store_chunks((dataset.take(rows[first : first + size]) for first in range(0, len(rows), size)), directory)


def release(dataset: Dataset) -> None:
    """Give back the memory of a mapped dataset's pages; what is read again comes from the files."""
    for _, array in _heavy(dataset):
        # numpy has no public name for the map behind an array.
        mapped: mmap.mmap | None = getattr(array, "_mmap", None)
        if mapped is not None:
            mapped.madvise(mmap.MADV_DONTNEED)


def _heavy(dataset: Dataset) -> Iterator[tuple[str, NDArray[Any]]]:
    for name in _INPUTS:
        yield name, getattr(dataset.inputs, name)
    yield _AGES, dataset.ages_s
    yield _BOUGHT, dataset.bought.flat


def _without_features(chunk: Dataset) -> Dataset:
    nothing = chunk.take(np.zeros(0, np.int64))
    bought = Ragged(nothing.bought.flat, chunk.bought.starts)
    return replace(chunk, inputs=nothing.inputs, ages_s=nothing.ages_s, bought=bought)


def _map(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if path.stat().st_size == 0:
        return np.zeros((0, *shape), dtype)
    flat = np.memmap(path, dtype, mode="r")
    return flat.reshape(-1, *shape)


def _joined(parts: list[Ragged]) -> Ragged:
    return Ragged(np.concatenate([part.flat for part in parts]), _starts(parts))


def _starts(parts: list[Ragged]) -> NDArray[np.int64]:
    lengths = np.concatenate([part.lengths for part in parts])
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
