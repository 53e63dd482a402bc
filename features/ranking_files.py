"""The ranker's file: its weights, what it knows of the items, and how many candidates it is made for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.ranking_forward import RankerWeights
from features.ranking_input import COLUMNS
from features.ranking_items import ItemStatistics

_STATISTICS = "items_"


@dataclass(frozen=True)
class RankerFile:
    """A ranker as it travels with its retriever; `depth` is how many candidates a list of its has."""

    weights: RankerWeights
    statistics: ItemStatistics
    depth: int

    def encode(self) -> bytes:
        """The file's content."""
        content = io.BytesIO()
        arrays: dict[str, Any] = {"columns": np.array(COLUMNS), "depth": np.array(self.depth)}
        arrays |= self.weights.arrays()
        arrays |= {f"{_STATISTICS}{name}": one for name, one in self.statistics.arrays().items()}
        np.savez(content, **arrays)
        return content.getvalue()


def read_ranker(path: Path) -> RankerFile:
    """What `encode` wrote. Raises OSError, or ValueError where it is another thing or reads other columns."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return _decode(dict(archive))
    except KeyError as error:
        raise ValueError(f"{path}: expected a ranker's arrays, came none named {error}") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path}: expected an archive of arrays: {error}") from error


def _decode(arrays: Mapping[str, NDArray[Any]]) -> RankerFile:
    columns = tuple(arrays["columns"].tolist())
    if columns != COLUMNS:
        differing = sorted(set(columns).symmetric_difference(COLUMNS)) or ["another order"]
        raise ValueError(f"ranker: expected the columns that it was trained on, came others: {', '.join(differing)}")
    counted = {name.removeprefix(_STATISTICS): one for name, one in arrays.items() if name.startswith(_STATISTICS)}
    return RankerFile(RankerWeights.from_arrays(arrays), ItemStatistics.from_arrays(counted), int(arrays["depth"]))
